"""What a unit of work writes, as ONE statement: each part a data-modifying CTE, several rows of a table as arrays.

The text depends on which tables get one row and which get more, not on how many, so the driver prepares it once. Parts
see the database as it was before the statement: no part may change what another one writes. Foreign keys between them
hold, since they are checked at the statement's end.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, TypeDecorator

from shared.db.bulk import DIALECT

Check = Callable[[Any, Any], Any]
Insert = tuple[Table, tuple[str, ...], str]
Shape = tuple[Table, tuple[str, ...], str, bool]


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

    def taken(self) -> tuple[str, list[Any]] | None:
        """Return the statement and its values, and forget them; None when there is nothing to write."""
        if not self._inserts and not self._others:
            return None
        values: list[Any] = []
        for (table, names, _), rows in self._inserts.items():
            columns = [[row[name] for row in rows] for name in names]
            for place, check in _checks(table, names):
                columns[place] = [check(value, DIALECT) for value in columns[place]]
            values.extend([column[0] for column in columns] if len(rows) == 1 else columns)
        for _, given in self._others:
            values.extend(given)
        inserts = tuple((*insert, len(rows) == 1) for insert, rows in self._inserts.items())
        sql = _statement(inserts, tuple((text, len(given)) for text, given in self._others))
        self._inserts, self._others = {}, []
        return sql, values


@lru_cache(maxsize=256)
def _checks(table: Table, names: tuple[str, ...]) -> tuple[tuple[int, Check], ...]:
    """How the types of columns refuse a value (a naive datetime, say), by the place of the column."""
    kinds = enumerate(table.c[name].type for name in names)
    return tuple((place, kind.process_bind_param) for place, kind in kinds if isinstance(kind, TypeDecorator))


@lru_cache(maxsize=256)
def _statement(
    inserts: tuple[tuple[Table, tuple[str, ...], str, bool], ...], others: tuple[tuple[str, int], ...]
) -> str:
    parts, place = [], 1
    for table, names, conflict, single in inserts:
        types = [table.c[name].type.compile(DIALECT) for name in names]
        columns = ", ".join(f'"{name}"' for name in names)
        if single:
            source = f"VALUES ({', '.join(f'${place + n}::{kind}' for n, kind in enumerate(types))})"
        else:
            arrays = ", ".join(f"${place + n}::{kind}[]" for n, kind in enumerate(types))
            source = f"SELECT {columns} FROM unnest({arrays}) WITH ORDINALITY AS given({columns}, place) ORDER BY place"
        parts.append(f'INSERT INTO "{table.name}" ({columns}) {source} {conflict}')
        place += len(names)
    for sql, count in others:
        parts.append(sql.format(*(f"${place + n}" for n in range(count))))
        place += count
    *first, last = parts
    named = ", ".join(f"part_{n} AS ({part})" for n, part in enumerate(first))
    return f"WITH {named} {last}" if first else last
