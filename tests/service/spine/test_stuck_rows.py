"""One row that somebody holds for long, or an error that no row can hold: its own subject waits, and no other."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.retry import RetryPolicy
from shared.db.spine import parked_keys, timers
from shared.db.uow import UnitOfWork
from shared.events import Envelope, encode
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import (
    AGENCY,
    COUNTERS,
    SYSTEM,
    Counted,
    effects,
    effects_of,
    running,
    some_ids,
    until,
    until_effects,
)

QUICK = RetryPolicy((timedelta(milliseconds=50),) * 100)
NOW = datetime.now(UTC)
UNSTORABLE = "零\0字节 \ud800"


@pytest.fixture
async def impatient(counters_url: str) -> AsyncIterator[Database]:
    """The counters' database for parts that wait no longer than 0.2 s for a row."""
    database = Database(counters_url, "tests", lock_timeout_ms=200)
    yield database
    await database.dispose()


@asynccontextmanager
async def held(db: Database, *subjects: UUID) -> AsyncIterator[None]:
    """A forgotten transaction on the first subject's row; each subject has one."""
    async with db.write(SYSTEM) as uow:
        for subject in subjects:
            await uow.session.execute(insert(effects).values(subject=subject, number=0))
    async with transaction(db) as forgotten:
        await forgotten.execute(select(effects).where(effects.c.subject == subjects[0]).with_for_update())
        yield


def transaction(db: Database) -> AbstractAsyncContextManager[AsyncConnection]:
    """A transaction outside every unit of work; the pool's connections begin none by themselves."""
    return db.engine.execution_options(isolation_level="READ COMMITTED").begin()


async def touch(uow: UnitOfWork, subject: UUID, number: int) -> None:
    await uow.session.execute(update(effects).where(effects.c.subject == subject).values(number=number))


async def schedule(db: Database, *subjects: UUID) -> None:
    async with db.write(SYSTEM) as uow:
        for place, subject in enumerate(subjects):
            uow.schedule(subject, "remind", NOW - timedelta(hours=1) + timedelta(seconds=place))


def record(subject: UUID) -> Record:
    key, headers, body = encode(Envelope(uuid7(), "/tests", subject, NOW, AGENCY, Counted(number=1)))
    return Record(COUNTERS.name, key, headers, body)


async def parked(db: Database) -> list[str]:
    async with db.read() as session:
        return list((await session.scalars(select(parked_keys.c.key))).all())


async def test_a_timer_whose_case_is_locked_holds_up_no_other(counters: Database, impatient: Database) -> None:
    stuck, *others = some_ids(5)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        await touch(uow, timer.subject, 1)

    await schedule(counters, stuck, *others)
    scheduler = Scheduler(impatient, {"remind": fire}, retries=QUICK, poll_seconds=0.1)
    async with running(scheduler):
        async with held(counters, stuck, *others):
            await until_effects(counters, {stuck: [0]} | {one: [1] for one in others}, 10)
        await until_effects(counters, {one: [1] for one in (stuck, *others)}, 10)


async def test_a_timer_whose_own_row_is_locked_holds_up_no_other(counters: Database, impatient: Database) -> None:
    stuck, *others = some_ids(5)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    await schedule(counters, stuck, *others)
    scheduler = Scheduler(impatient, {"remind": fire}, retries=QUICK, poll_seconds=0.1)
    async with running(scheduler):
        async with transaction(counters) as forgotten:
            await forgotten.execute(select(timers).where(timers.c.subject == stuck).with_for_update())
            await until_effects(counters, {one: [1] for one in others}, 10)
        await until_effects(counters, {one: [1] for one in (stuck, *others)}, 10)


async def test_an_event_whose_case_is_locked_parks_its_key_and_no_other(
    counters: Database, impatient: Database, bus: EmbeddedTransport
) -> None:
    stuck, *others = some_ids(5)

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        await touch(uow, event.subject, 1)

    await bus.publish([record(one) for one in (stuck, *others)])
    consumers = Consumers(impatient, bus, "g", {Counted: handler}, retries=QUICK, retry_poll_seconds=0.05)
    async with held(counters, stuck, *others), running(consumers):
        await until_effects(counters, {stuck: [0]} | {one: [1] for one in others}, 10)
    async with running(Consumers(impatient, bus, "g", {Counted: handler}, retries=QUICK, retry_poll_seconds=0.05)):
        await until_effects(counters, {one: [1] for one in (stuck, *others)}, 10)


async def test_stopping_waits_once_for_readers_and_retries_that_hang(
    counters: Database, bus: EmbeddedTransport
) -> None:
    first, other = some_ids(2)
    failed: set[UUID] = set()
    hanging: set[UUID] = set()

    async def handler(_uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if event.subject == first and not failed:
            failed.add(first)
            raise RuntimeError
        hanging.add(event.subject)
        await asyncio.sleep(60)

    async def hangs(*subjects: UUID) -> bool:
        return hanging == set(subjects)

    consumers = Consumers(counters, bus, "g", {Counted: handler}, retries=QUICK, retry_poll_seconds=0.05)
    consumers.start()
    await bus.publish([record(first)])
    await until(lambda: hangs(first))
    await bus.publish([record(other)])
    await until(lambda: hangs(first, other))
    began = time.monotonic()
    await consumers.stop(2)
    assert time.monotonic() - began < 3.5


async def test_an_error_that_no_row_can_hold_parks_its_key_and_no_other(
    counters: Database, bus: EmbeddedTransport
) -> None:
    sick, well = some_ids(2)

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if event.subject == sick:
            raise RuntimeError(UNSTORABLE)
        await uow.session.execute(insert(effects).values(subject=event.subject, number=1))

    await bus.publish([record(sick), record(well)])
    async with running(Consumers(counters, bus, "g", {Counted: handler})):
        await until_effects(counters, {well: [1]}, 10)
    async with counters.read() as session:
        assert "零" in (await session.scalars(select(parked_keys.c.error))).one()


async def test_a_handler_that_swallows_a_database_error_loses_no_event(
    counters: Database, bus: EmbeddedTransport
) -> None:
    """PostgreSQL answers the COMMIT of a failed transaction with a silent rollback: that is not a handled event."""
    sick, well = some_ids(2)

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        await uow.session.execute(insert(effects).values(subject=event.subject, number=1))
        if event.subject == sick:
            with suppress(DBAPIError):
                await uow.session.execute(text("SELECT 1/0"))

    await bus.publish([record(sick), record(well)])
    async with running(Consumers(counters, bus, "g", {Counted: handler})):
        await until_effects(counters, {well: [1]}, 10)
        await until(lambda: parked(counters), 10)
    assert await parked(counters) == [str(sick)]


async def test_an_error_that_no_row_can_hold_does_not_end_the_sweep(counters: Database) -> None:
    sick, well = some_ids(2)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        if timer.subject == sick:
            raise RuntimeError(UNSTORABLE)
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    await schedule(counters, sick, well)
    await Scheduler(counters, {"remind": fire}).sweep()
    assert await effects_of(counters) == {well: [1]}
    async with counters.read() as session:
        assert "零" in str(await session.scalar(select(timers.c.error).where(timers.c.subject == sick)))


async def test_a_forgotten_transaction_ends_with_the_lease_of_a_worker(counters: Database) -> None:
    """A frozen process (SIGSTOP) in the middle of a transaction keeps its rows no longer than its other leases."""
    async with counters.read() as session:
        assert await session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "10s"


async def test_a_timer_that_one_before_it_cancelled_or_moved_does_not_fire(counters: Database) -> None:
    """Both are due, as after three days of standstill: what the first one's command decides holds for the second."""
    closed, moved = some_ids(2)

    async def close(uow: UnitOfWork, timer: DueTimer) -> None:
        if timer.subject == closed:
            uow.cancel(closed)
        else:
            uow.schedule(moved, "remind", NOW + timedelta(days=1))
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    async def remind(uow: UnitOfWork, timer: DueTimer) -> None:
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=2))

    async with counters.write(SYSTEM) as uow:
        for subject in (closed, moved):
            uow.schedule(subject, "close", NOW - timedelta(hours=2))
            uow.schedule(subject, "remind", NOW - timedelta(hours=1))
    for _ in range(2):
        await Scheduler(counters, {"close": close, "remind": remind}).sweep()
    assert await effects_of(counters) == {closed: [1], moved: [1]}
    async with counters.read() as session:
        left = (
            await session.execute(select(timers.c.subject, timers.c.due_at).where(timers.c.fired_at.is_(None)))
        ).all()
    assert [tuple(row) for row in left] == [(moved, NOW + timedelta(days=1))]


async def test_a_databases_trouble_with_one_timer_holds_up_no_other(counters: Database) -> None:
    """Its transaction loses the connection, each time; it is the first in line."""
    sick, *others = some_ids(5)

    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        if timer.subject == sick:
            await uow.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await uow.session.execute(insert(effects).values(subject=timer.subject, number=1))

    await schedule(counters, sick, *others)
    async with running(Scheduler(counters, {"remind": fire}, poll_seconds=0.1)):
        await until_effects(counters, {one: [1] for one in others}, 10)
