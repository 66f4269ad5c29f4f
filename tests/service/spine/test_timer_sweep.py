"""A sweep reads what is due, however many timers are open: the plan of the statement that it really runs."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from shared.db import direct
from shared.db.engine import Database
from shared.timers.rows import due

OPEN, DUE = 10_000, 5


@pytest.fixture
async def many(counters: Database) -> AsyncIterator[Database]:
    """Ten thousand open timers, of which a few are due."""
    async with counters.engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO timers (id, subject, kind, due_at)"
                " SELECT gen_random_uuid(), gen_random_uuid(), 'remind', now() + make_interval(hours => n - :due)"
                " FROM generate_series(1, :open) n"
            ),
            {"due": DUE, "open": OPEN},
        )
        await connection.execute(text("ANALYZE timers"))
    yield counters


@contextmanager
def statements(db: Database) -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Note what is sent to the database, with its values."""
    sent: list[tuple[str, tuple[Any, ...]]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        sent.append((statement, tuple(values)))

    event.listen(db.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", note)


def scans(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a plan that read a table."""
    below = [one for part in plan.get("Plans", []) for one in scans(part)]
    return [plan, *below] if "Relation Name" in plan or "Index Name" in plan else below


async def test_a_sweep_reads_what_is_due_not_what_is_open(many: Database) -> None:
    with statements(many) as sent:
        async with many.read() as session:
            found = await due(session, ["remind"], 1000)
    assert len(found) == DUE
    (looked,) = [one for one in sent if "timers" in one[0]]
    connection = await direct.connect(many.url, "tests")
    told = json.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {looked[0]}", *looked[1]))
    await direct.close(connection)
    read = scans(told[0]["Plan"])
    assert "ix_timers_due" in {part.get("Index Name") for part in read}, told
    rows = [part["Actual Rows"] + part.get("Rows Removed by Filter", 0) for part in read]
    assert max(rows) == DUE, told
