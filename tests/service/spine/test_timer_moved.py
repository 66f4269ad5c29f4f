"""Commands that come while a timer fires: what they said counts, and nothing of what they took away takes effect."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, insert, select, update

from shared.bus import dead_letters as letters
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import timers
from shared.db.uow import UnitOfWork
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import SYSTEM, effects, effects_of, some_ids

NOW = datetime.now(UTC)
DUE = NOW - timedelta(hours=1)
TOMORROW = NOW + timedelta(days=1)
Command = Callable[[], Awaitable[None]]


class Interrupted:
    """A handler during whose first call a command is committed; it may fail after that."""

    def __init__(self, db: Database, subject: UUID, due_at: datetime, payload: dict[str, Any] | None = None) -> None:
        self.told: list[DueTimer] = []
        self.fails = False
        self._command = (subject, "remind", due_at, payload)
        self._db = db

    async def fire(self, uow: UnitOfWork, timer: DueTimer) -> None:
        self.told.append(timer)
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=timer.payload["n"]))
        if len(self.told) == 1:
            async with self._db.write(SYSTEM) as command:
                command.schedule(*self._command)
            if self.fails:
                raise RuntimeError


async def sweep(db: Database, desk: Interrupted, *, times: int = 1, policy: RetryPolicy = RetryPolicy()) -> None:
    scheduler = Scheduler(db, {"remind": desk.fire}, retries=policy)
    for _ in range(times):
        await scheduler.sweep()


async def set_timer(db: Database) -> UUID:
    (subject,) = some_ids(1)
    async with db.write(SYSTEM) as uow:
        uow.schedule(subject, "remind", DUE, {"n": 1})
    return subject


async def the_timer(db: Database) -> Row[Any]:
    async with db.read() as session:
        return (await session.execute(select(timers))).one()


async def test_a_timer_moved_while_it_fires_has_not_fired(counters: Database) -> None:
    subject = await set_timer(counters)
    await sweep(counters, Interrupted(counters, subject, TOMORROW, {"n": 1}), times=3)
    assert await effects_of(counters) == {}
    timer = await the_timer(counters)
    assert (timer.due_at, timer.fired_at, timer.payload) == (TOMORROW, None, '{"n": 1}')


async def test_a_payload_given_while_the_timer_fires_is_what_fires(counters: Database) -> None:
    subject = await set_timer(counters)
    desk = Interrupted(counters, subject, DUE, {"n": 2})
    await sweep(counters, desk, times=3)
    assert [timer.payload["n"] for timer in desk.told] == [1, 2]
    assert await effects_of(counters) == {subject: [2]}


@pytest.mark.parametrize("policy", [RetryPolicy(), RetryPolicy(())])
@pytest.mark.parametrize(("due_at", "payload"), [(TOMORROW, {"n": 1}), (DUE, {"n": 2})])
async def test_the_failure_of_what_was_set_anew_meanwhile_counts_for_nothing(
    counters: Database, policy: RetryPolicy, due_at: datetime, payload: dict[str, Any]
) -> None:
    subject = await set_timer(counters)
    desk = Interrupted(counters, subject, due_at, payload)
    desk.fails = True
    await sweep(counters, desk, policy=policy)
    timer = await the_timer(counters)
    assert (timer.due_at, timer.attempts, timer.retry_at, timer.error) == (due_at, 0, None, None)
    async with counters.read() as session:
        assert (await session.execute(letters.listing())).all() == []


@pytest.mark.parametrize("many", [False, True])
async def test_a_timer_that_is_moved_starts_afresh(counters: Database, many: bool) -> None:
    subject = await set_timer(counters)
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(update(timers).values(attempts=5, retry_at=TOMORROW, error="RuntimeError"))
    async with counters.write(SYSTEM) as uow:
        if many:
            uow.schedule_all([subject], {"remind": DUE})
        else:
            uow.schedule(subject, "remind", DUE)
    timer = await the_timer(counters)
    assert (timer.attempts, timer.retry_at, timer.error) == (0, None, None)
