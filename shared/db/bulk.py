"""Many ids in one condition."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Uuid, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute


def one_of(column: InstrumentedAttribute[UUID] | Column[UUID], ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return `column = ANY(ids)`: the ids travel as one array, where IN would be a text and a cast for each of them."""
    return column == any_(literal(list(ids), ARRAY(Uuid)))
