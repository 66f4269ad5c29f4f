"""Many rows of one table in one statement: each column travels as one array, which costs a tenth of row by row.

PostgreSQL's own `unnest`, behind this file. Rows are inserted in the order given, so identities rise with it. Few rows
are better off with a plain INSERT.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, TextClause, TypeDecorator, text
from sqlalchemy.dialects import postgresql

from shared.db.sessions import WriteSession

WORTHWHILE_ROWS = 20
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped


@lru_cache(maxsize=64)
def _statement(table: Table, names: tuple[str, ...], conflict: str) -> TextClause:
    types = {name: table.c[name].type.compile(DIALECT) for name in names}
    columns = ", ".join(f'"{name}"' for name in names)
    arrays = ", ".join(f"CAST(:{name} AS {types[name]}[])" for name in names)
    source = f"unnest({arrays}) WITH ORDINALITY AS given({columns}, place)"
    return text(f'INSERT INTO "{table.name}" ({columns}) SELECT {columns} FROM {source} ORDER BY place {conflict}')


async def insert_rows(
    session: WriteSession, table: Table, rows: Sequence[Mapping[str, Any]], conflict: str = ""
) -> None:
    """Insert rows that all have the same columns; `conflict` is the ON CONFLICT clause, if any.

    Values are refused as the columns' types refuse them (a naive datetime, say).
    """
    names = tuple(rows[0])
    values = {name: _checked(table, name, [row[name] for row in rows]) for name in names}
    await session.execute(_statement(table, names, conflict), values)


def _checked(table: Table, name: str, values: list[Any]) -> list[Any]:
    kind = table.c[name].type
    if isinstance(kind, TypeDecorator):
        return [kind.process_bind_param(value, DIALECT) for value in values]
    return values
