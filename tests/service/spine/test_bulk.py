"""Many rows in one statement: the same rows, order and refusals as one by one."""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from shared.db.batch import MANY_ROWS
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, outbox, timers
from tests.service.spine.test_unit_of_work import AGENCY, CLERK, build, closed, counts

MANY = MANY_ROWS * 3


@pytest.fixture
async def db(fresh_database: Callable[..., str]) -> AsyncIterator[Database]:
    database = Database(fresh_database("spine_only", build), "sentiment")
    yield database
    await database.dispose()


async def test_many_rows_keep_their_order(db: Database) -> None:
    subjects = [uuid7() for _ in range(MANY)][::-1]
    async with db.write(CLERK) as uow:
        for subject in subjects:
            uow.emit(closed(), subject=subject, agency_id=AGENCY)
            uow.audit("incident.close", subject=subject, agency_id=AGENCY, details={"why": "已处置"})
            uow.schedule(subject, "due_soon", uow.now)
    assert await counts(db) == [MANY] * 3
    async with db.read() as session:
        keys = (await session.execute(select(outbox.c.key).order_by(outbox.c.id))).scalars().all()
        actions = (await session.execute(select(audit_entries.c.details).distinct())).scalars().all()
    assert list(keys) == [str(subject) for subject in subjects]
    assert [json.loads(details) for details in actions] == [{"why": "已处置"}]


async def test_many_timers_move_what_is_open_and_leave_what_has_fired(db: Database) -> None:
    subjects = [uuid7() for _ in range(MANY)]
    async with db.write(CLERK) as uow:
        for subject in subjects:
            uow.schedule(subject, "due_soon", uow.now)
        first = uow.now
        await uow.flush()
        await uow.session.execute(timers.update().where(timers.c.subject == subjects[0]).values(fired_at=first))
    async with db.write(CLERK) as uow:
        for subject in subjects:
            uow.schedule(subject, "due_soon", first + timedelta(days=1), {"n": 1})
    async with db.read() as session:
        rows = (await session.execute(select(timers))).all()
    assert len(rows) == MANY + 1
    assert [row.due_at for row in rows if row.fired_at] == [first]
    assert {(row.due_at, row.payload) for row in rows if not row.fired_at} == {(first + timedelta(days=1), '{"n": 1}')}


async def test_many_timers_are_cancelled_by_kind(db: Database) -> None:
    subjects = [uuid7() for _ in range(MANY)]
    async with db.write(CLERK) as uow:
        for subject in subjects:
            uow.schedule(subject, "due_soon", uow.now)
            uow.schedule(subject, "overdue", uow.now)
    async with db.write(CLERK) as uow:
        for subject in subjects:
            uow.cancel(subject, "due_soon")
        uow.cancel(subjects[0])
    async with db.read() as session:
        kinds = (await session.execute(select(timers.c.kind))).scalars().all()
    assert kinds == ["overdue"] * (MANY - 1)


async def test_a_naive_datetime_is_refused_among_many(db: Database) -> None:
    with pytest.raises(ValueError, match="naive"):
        async with db.write(CLERK) as uow:
            for _ in range(MANY):
                uow.schedule(uuid7(), "due_soon", datetime(2026, 6, 11))  # noqa: DTZ001  (the point of the test)
    assert await counts(db) == [0, 0, 0]
