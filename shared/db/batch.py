"""What a unit of work writes, as ONE statement: each part a data-modifying CTE, many rows of a table as arrays.

The text depends on which tables get one row, which a few and which more, so the driver prepares it once. Of many rows a
column with one value travels once; rows are inserted in the order given, so identities rise with it. Parts see the
database as it was before the statement: no part may change what another one writes. Foreign keys between them hold,
since they are checked at the statement's end.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import compress
from typing import Any

from sqlalchemy import Table, TypeDecorator
from sqlalchemy.dialects import postgresql

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
FEW_ROWS = 4
"""So many rows travel value by value: arrays would cost the driver more."""
MANY_ROWS = 20
"""From here on it pays to look for columns with one value; below, fewer texts to prepare count more."""

Check = Callable[[Any, Any], Any]
Insert = tuple[Table, tuple[str, ...], str]
Part = tuple[Table, tuple[str, ...], str, tuple[bool, ...], int]
"""Table, columns, ON CONFLICT clause, which columns travel as arrays, and how many rows value by value."""


class Batch:
    """Collects inserts and other statements until they are sent."""

    def __init__(self) -> None:
        self._inserts: dict[Insert, list[Mapping[str, Any]]] = {}
        self._others: list[tuple[str, tuple[Any, ...]]] = []

    def insert(self, table: Table, rows: Sequence[Mapping[str, Any]], conflict: str = "") -> None:
        """Add rows that all have the same columns; they are inserted in this order."""
        if rows:
            self._inserts.setdefault((table, tuple(rows[0]), conflict), []).extend(rows)

    def also(self, sql: str, *values: Any) -> None:
        """Add another statement, with `{0}` where its first value goes."""
        self._others.append((sql, values))

    def ids(self) -> set[Any]:
        """Return the ids of the rows to be inserted: what has one of them is new."""
        return {row.get("id") for rows in self._inserts.values() for row in rows}

    def taken(self) -> tuple[str, list[Any]] | None:
        """Return the statement and its values, and forget them; None when there is nothing to write."""
        if not self._inserts and not self._others:
            return None
        values: list[Any] = []
        parts = list[Part]()
        for (table, names, conflict), rows in self._inserts.items():
            if len(rows) <= FEW_ROWS:
                values += _few(table, names, rows)
                parts.append((table, names, conflict, (), len(rows)))
            else:
                given, arrays = _many(table, names, rows)
                values += given
                parts.append((table, names, conflict, arrays, 1))
        for _, theirs in self._others:
            values += theirs
        sql = _statement(tuple(parts), tuple((text, len(given)) for text, given in self._others))
        self._inserts, self._others = {}, []
        return sql, values


def _few(table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Return the values of some rows, row by row."""
    values = [row[name] for row in rows for name in names]
    for place, check in _checks(table, names):
        for at in range(place, len(values), len(names)):
            values[at] = check(values[at], DIALECT)
    return values


def _many(
    table: Table, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]]
) -> tuple[list[Any], tuple[bool, ...]]:
    """Return the columns of several rows, and which of them travel as arrays."""
    columns = [[row[name] for row in rows] for name in names]
    for place, check in _checks(table, names):
        columns[place] = [check(value, DIALECT) for value in columns[place]]
    arrays = _arrays(columns)
    return [column if array else column[0] for column, array in zip(columns, arrays, strict=True)], arrays


def _arrays(columns: Sequence[list[Any]]) -> tuple[bool, ...]:
    """Say which columns of several rows travel as arrays: the first at least."""
    if len(columns[0]) < MANY_ROWS:
        return (True,) * len(columns)
    first, *others = columns
    return (True, *(column.count(column[0]) < len(first) for column in others))


@lru_cache(maxsize=256)
def _checks(table: Table, names: tuple[str, ...]) -> tuple[tuple[int, Check], ...]:
    """How the types of columns refuse a value (a naive datetime, say), by the place of the column."""
    kinds = enumerate(table.c[name].type for name in names)
    return tuple((place, kind.process_bind_param) for place, kind in kinds if isinstance(kind, TypeDecorator))


@lru_cache(maxsize=256)
def _statement(inserts: tuple[Part, ...], others: tuple[tuple[str, int], ...]) -> str:
    parts, place = [], 1
    for part in inserts:
        parts.append(_insert(part, place))
        place += len(part[1]) * part[-1]
    for sql, count in others:
        parts.append(sql.format(*(f"${place + n}" for n in range(count))))
        place += count
    *first, last = parts
    named = ", ".join(f"part_{n} AS ({part})" for n, part in enumerate(first))
    return f"WITH {named} {last}" if first else last


def _insert(part: Part, place: int) -> str:
    """Return the INSERT whose first value is at `place`."""
    table, names, conflict, arrays, count = part
    types = [table.c[name].type.compile(DIALECT) for name in names]
    columns = [f'"{name}"' for name in names]
    into = f'INSERT INTO "{table.name}" ({", ".join(columns)})'
    if not arrays:
        rows = (
            ", ".join(f"${at}::{kind}" for at, kind in enumerate(types, place + n * len(names))) for n in range(count)
        )
        return f"{into} VALUES {', '.join(f'({row})' for row in rows)} {conflict}"
    values = [f"${place + n}::{kind}{'[]' * array}" for n, (kind, array) in enumerate(zip(types, arrays, strict=True))]
    taken = [column if array else value for column, value, array in zip(columns, values, arrays, strict=True)]
    given = ", ".join(compress(columns, arrays))
    source = f"unnest({', '.join(compress(values, arrays))}) WITH ORDINALITY AS given({given}, place)"
    return f"{into} SELECT {', '.join(taken)} FROM {source} ORDER BY place {conflict}"
