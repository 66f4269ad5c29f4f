"""An operator who has mended what a timer failed for does not wait for its pause."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, text

from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.uow import UnitOfWork
from shared.errors import NotFound
from shared.timers import DueTimer, Scheduler, failing
from tests.kit.spine import SYSTEM, effects, effects_of, some_ids

LONG = RetryPolicy((timedelta(0), timedelta(hours=1), timedelta(hours=1)))


class Mended:
    """A handler that fails until it is told to do well."""

    def __init__(self) -> None:
        self.well = False
        self.inside, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def __call__(self, uow: UnitOfWork, timer: DueTimer) -> None:
        self.inside.set()
        await self.go_on.wait()
        if not self.well:
            raise RuntimeError("not mended yet")
        uow.insert(effects, {"subject": timer.subject, "number": 1})


async def failed(db: Database, scheduler: Scheduler, times: int = 2) -> tuple[UUID, Row[Any]]:
    """Let a timer fail so often; return its subject, and it."""
    (subject,) = some_ids(1)
    async with db.write(SYSTEM) as uow:
        uow.schedule(subject, "remind", uow.now - timedelta(hours=1))
    for _ in range(times):
        await scheduler.sweep()
    (timer,) = await listed(db)
    assert timer.attempts == times
    return subject, timer


async def listed(db: Database) -> list[Row[Any]]:
    async with db.read() as session:
        return list(await failing.everything(session))


async def retry(db: Database, timer_id: UUID) -> None:
    async with db.write(SYSTEM) as uow:
        await failing.retry(uow, timer_id)


async def test_a_timer_is_tried_again_at_once_and_its_attempts_still_count(counters: Database) -> None:
    handler = Mended()
    scheduler = Scheduler(counters, {"remind": handler}, retries=LONG)
    subject, timer = await failed(counters, scheduler)
    assert await scheduler.sweep() == 0, "it pauses"
    await retry(counters, timer.id)
    await scheduler.sweep()
    assert [one.attempts for one in await listed(counters)] == [3]
    handler.well = True
    await retry(counters, timer.id)
    await scheduler.sweep()
    assert await effects_of(counters) == {subject: [1]}
    assert await listed(counters) == []


async def test_one_that_fails_once_more_while_it_is_wanted_is_tried_again_too(counters: Database) -> None:
    handler = Mended()
    scheduler = Scheduler(counters, {"remind": handler}, retries=LONG)
    subject, timer = await failed(counters, scheduler, 1)
    handler.inside.clear()
    handler.go_on.clear()
    in_hand = asyncio.create_task(scheduler.sweep())
    await handler.inside.wait()
    await retry(counters, timer.id)
    handler.go_on.set()
    await in_hand
    handler.well = True
    await scheduler.sweep()
    assert await effects_of(counters) == {subject: [1]}


async def test_one_that_is_not_due_any_more_is_not_failing(counters: Database) -> None:
    """The clock was set back, or the timer is well, or there is none."""
    scheduler = Scheduler(counters, {"remind": Mended()}, retries=LONG)
    _, timer = await failed(counters, scheduler)
    (well,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        uow.schedule(well, "remind", uow.now - timedelta(hours=1))
    async with counters.write(SYSTEM) as uow:
        ((well_id,),) = await uow.fetch("SELECT id FROM timers WHERE subject = $1", well)
        await uow.session.execute(text("INSERT INTO clock_offset (seconds) VALUES (-864000)"))
    assert await listed(counters) == []
    for timer_id in (timer.id, well_id, some_ids(1)[0]):
        with pytest.raises(NotFound):
            await retry(counters, timer_id)
