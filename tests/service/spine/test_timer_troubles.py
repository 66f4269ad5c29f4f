"""Timers that cost their connection, and handlers that fail: each is counted by itself and holds up no other."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from shared.bus import dead_letters as letters
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import timers
from shared.db.suspects import TROUBLES_BEFORE_BLAME
from shared.db.uow import UnitOfWork
from shared.timers import DueTimer, Scheduler, TimerHandler
from tests.kit.spine import SYSTEM, effects, effects_of, some_ids

NOW = datetime.now(UTC)
ONCE_MORE = RetryPolicy((timedelta(0),))


async def schedule(db: Database, *subjects: UUID) -> None:
    async with db.write(SYSTEM) as uow:
        for place, subject in enumerate(subjects):
            uow.schedule(subject, "remind", NOW - timedelta(hours=1) + timedelta(seconds=place))


async def open_letters(db: Database) -> list[letters.DeadLetter]:
    async with db.read() as session:
        return [letters.letter(row) for row in await session.execute(letters.listing())]


async def attempts(db: Database, subject: UUID) -> int:
    async with db.read() as session:
        return int((await session.execute(select(timers.c.attempts).where(timers.c.subject == subject))).scalar_one())


def costing_connections(*sick: UUID) -> TimerHandler:
    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        if timer.subject in sick:
            await uow.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    return fire


@pytest.mark.parametrize("well", [0, 4])
async def test_timers_that_cost_their_connection_are_counted_and_hold_up_no_other(
    counters: Database, well: int
) -> None:
    first, second, *others = some_ids(2 + well)
    await schedule(counters, first, second, *others)
    scheduler = Scheduler(counters, {"remind": costing_connections(first, second)}, retries=ONCE_MORE)
    await scheduler.sweep()
    assert await effects_of(counters) == {one: [1] for one in others}
    assert await attempts(counters, first) == 0, "once may be the database's doing"
    for _ in range(TROUBLES_BEFORE_BLAME - 1):
        await scheduler.sweep()
    assert [await attempts(counters, one) for one in (first, second)] == [1, 1]
    for _ in range(TROUBLES_BEFORE_BLAME):
        await scheduler.sweep()
    dead = await open_letters(counters)
    assert {letter.key for letter in dead} == {f"{first}/remind", f"{second}/remind"}
    assert {letter.attempts for letter in dead} == {2}


async def test_the_only_due_timer_that_costs_its_connection_ends_as_a_letter(counters: Database) -> None:
    (sick,) = some_ids(1)
    await schedule(counters, sick)
    scheduler = Scheduler(counters, {"remind": costing_connections(sick)}, retries=RetryPolicy(()))
    for _ in range(TROUBLES_BEFORE_BLAME):
        assert await open_letters(counters) == []
        await scheduler.sweep()
    assert [letter.key for letter in await open_letters(counters)] == [f"{sick}/remind"]


async def test_a_handler_that_fails_first_is_called_once_in_a_sweep(counters: Database) -> None:
    sick, *others = some_ids(3)
    called: list[UUID] = []

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        called.append(timer.subject)
        if timer.subject == sick:
            raise RuntimeError
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    await schedule(counters, sick, *others)
    await Scheduler(counters, {"remind": fire}).sweep()
    assert called == [sick, *others]
    assert await effects_of(counters) == {one: [1] for one in others}
    assert await attempts(counters, sick) == 1


async def test_what_an_earlier_timer_did_is_not_held_against_a_later_one(counters: Database) -> None:
    """The first leaves the transaction broken; the second fails in it, and fires alone."""
    first, second = some_ids(2)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        if timer.subject == first:
            try:
                await uow.session.execute(text("SELECT 1/0"))
            except DBAPIError:  # swallowed, which a handler should not
                return
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    await schedule(counters, first, second)
    await Scheduler(counters, {"remind": fire}).sweep()
    assert await effects_of(counters) == {second: [1]}
    assert (await attempts(counters, first), await attempts(counters, second)) == (1, 0)
