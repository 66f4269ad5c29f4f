"""Many rows of one table in one statement: each column travels as one array, which costs a tenth of row by row.

PostgreSQL's own `unnest`, behind this file. Rows are inserted in the order given, so identities rise with it. Few rows
are better off with a plain INSERT.
"""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table, TextClause, TypeDecorator, Uuid, any_, literal, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute

from shared.db.sessions import WriteSession

WORTHWHILE_ROWS = 20
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


@lru_cache(maxsize=256)
def _statement(table: Table, varying: tuple[str, ...], same: tuple[str, ...], conflict: str) -> TextClause:
    types = {name: table.c[name].type.compile(DIALECT) for name in (*varying, *same)}
    columns = ", ".join(f'"{name}"' for name in varying)
    arrays = ", ".join(f"CAST(:{name} AS {types[name]}[])" for name in varying)
    values = "".join(f", CAST(:{name} AS {types[name]})" for name in same)
    into = ", ".join(f'"{name}"' for name in (*varying, *same))
    source = f"unnest({arrays}) WITH ORDINALITY AS given({columns}, place)"
    return text(f'INSERT INTO "{table.name}" ({into}) SELECT {columns}{values} FROM {source} ORDER BY place {conflict}')


async def insert_rows(
    session: WriteSession, table: Table, rows: Sequence[Mapping[str, Any]], conflict: str = ""
) -> None:
    """Insert rows that all have the same columns; `conflict` is the ON CONFLICT clause, if any.

    A column with one value in all rows travels once. Values are refused as the columns' types refuse them (a naive
    datetime, say).
    """
    values = {name: [row[name] for row in rows] for name in rows[0]}
    _, *others = values  # one column at least is an array, however alike the rows are
    same = tuple(name for name in others if values[name].count(values[name][0]) == len(rows))
    varying = tuple(name for name in values if name not in same)
    given = {name: _checked(table, name, values[name]) for name in varying}
    given |= {name: _checked(table, name, values[name][:1])[0] for name in same}
    await session.execute(_statement(table, varying, same, conflict), given)


def one_of(column: InstrumentedAttribute[UUID] | Column[UUID], ids: Collection[UUID]) -> ColumnElement[bool]:
    """Return `column = ANY(ids)`: the ids travel as one array, where IN would be a text and a cast for each of them."""
    return column == any_(literal(list(ids), ARRAY(Uuid)))


def _checked(table: Table, name: str, values: list[Any]) -> list[Any]:
    kind = table.c[name].type
    if isinstance(kind, TypeDecorator):
        return [kind.process_bind_param(value, DIALECT) for value in values]
    return values
