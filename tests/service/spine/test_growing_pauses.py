"""From attempt to attempt a parked key's and a failing timer's next one is put further off, in their rows."""

import math
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Table, func, select, update

from shared.bus import dead_letters as letters
from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import parked_keys, timers
from shared.db.uow import UnitOfWork
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import SYSTEM, Counter, emit, running, some_ids, until

HOURS = (1, 3, 7)
POLICY = RetryPolicy(tuple(timedelta(hours=hours) for hours in HOURS))


async def hours_to_wait(db: Database, table: Table, attempts: int) -> int | None:
    """In how many hours, begun ones included, the only row is tried again; None until it has failed so often."""
    wait = func.extract("epoch", table.c.retry_at - func.clock_timestamp())
    async with db.read() as session:
        seconds = await session.scalar(select(wait).where(table.c.attempts == attempts))
    return None if seconds is None else math.ceil(seconds / 3600)


async def make_due(db: Database, table: Table) -> None:
    async with db.write(SYSTEM) as uow:
        await uow.session.execute(update(table).values(retry_at=func.clock_timestamp()))


async def the_letter(db: Database) -> letters.DeadLetter | None:
    async with db.read() as session:
        row = (await session.execute(letters.listing())).first()
    return letters.letter(row) if row else None


async def test_a_parked_key(counters: Database, bus: EmbeddedTransport) -> None:
    (subject,), counter = some_ids(1), Counter()
    counter.poison = {1}
    consumers = Consumers(counters, bus, "g", counter.handlers, retries=POLICY, retry_poll_seconds=0.02)
    async with running(Relay(counters, bus), consumers):
        await emit(counters, subject, 1)
        for attempts, hours in enumerate(HOURS, 1):
            assert await until(partial(hours_to_wait, counters, parked_keys, attempts)) == hours
            await make_due(counters, parked_keys)
        letter = await until(lambda: the_letter(counters))
    assert (letter.kind, letter.attempts) == ("event", len(HOURS) + 1)


async def test_a_failing_timer(counters: Database) -> None:
    (subject,) = some_ids(1)

    async def fail(_uow: UnitOfWork, _timer: DueTimer) -> None:
        raise ZeroDivisionError

    async with counters.write(SYSTEM) as uow:
        uow.schedule(subject, "remind", datetime.now(UTC) - timedelta(hours=1))
    scheduler = Scheduler(counters, {"remind": fail}, retries=POLICY)
    for attempts, hours in enumerate(HOURS, 1):
        await scheduler.sweep()
        assert await hours_to_wait(counters, timers, attempts) == hours
        await scheduler.sweep()
        assert await hours_to_wait(counters, timers, attempts) == hours, "not before its time"
        await make_due(counters, timers)
    await scheduler.sweep()
    letter = await the_letter(counters)
    assert letter is not None and (letter.kind, letter.attempts) == ("timer", len(HOURS) + 1)
