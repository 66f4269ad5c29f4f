"""Keyset pages: a page costs the same wherever it lies, and one statement each.

A cursor is the sort key of the last row seen, opaque to the caller; it never names an offset.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, tuple_

from shared.db.sessions import AnySession
from shared.errors import Category, DomainError

T = TypeVar("T")


class BadCursor(DomainError):
    """The cursor was not made by this list."""

    code = "bad_cursor"
    title = "分页游标无效，请从第一页重新开始"
    category = Category.BAD_REQUEST


@dataclass(frozen=True)
class Page(Generic[T]):
    """At most `limit` items, and the cursor of the next page (None on the last)."""

    items: list[T]
    next_cursor: str | None


def encode_cursor(values: Sequence[Any]) -> str:
    """Return an opaque, URL-safe cursor of dates, datetimes, ids, numbers or strings."""
    text = json.dumps([v.isoformat() if isinstance(v, date) else str(v) if isinstance(v, UUID) else v for v in values])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(cursor: str, types: Sequence[type]) -> list[Any]:
    """Undo `encode_cursor`; raises BadCursor."""
    try:
        values = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or len(values) != len(types):
            raise BadCursor
        return [_restore(value, kind) for value, kind in zip(values, types, strict=True)]
    except (ValueError, TypeError, binascii.Error, UnicodeDecodeError):
        raise BadCursor from None


def _restore(value: Any, kind: type) -> Any:
    if kind is datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise BadCursor
        return moment
    if kind is date:
        return date.fromisoformat(value)
    if kind is UUID:
        return UUID(value)
    if not isinstance(value, kind) or (isinstance(value, str) and "\x00" in value):
        raise BadCursor
    return value


async def page(
    session: AnySession,
    statement: Select[T],
    keys: Sequence[tuple[ColumnElement[Any] | Any, type]],
    *,
    cursor: str | None,
    limit: int,
    descending: bool = False,
) -> Page[T]:
    """Run `statement` ordered by `keys` (column and Python type; unique together); return one page of its entities."""
    columns = [column for column, _ in keys]
    if cursor is not None:
        values = decode_cursor(cursor, [kind for _, kind in keys])
        here, there = tuple_(*columns), tuple_(*values)
        statement = statement.where(here < there if descending else here > there)
    statement = statement.order_by(*(c.desc() if descending else c.asc() for c in columns)).limit(limit + 1)
    rows = list((await session.execute(statement)).scalars())
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], encode_cursor([getattr(last, str(column.key)) for column in columns]))
