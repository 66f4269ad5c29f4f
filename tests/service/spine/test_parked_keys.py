"""Two processes at one parked key: what one has seen of it may be over when it comes to write."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select

from shared.bus import dead_letters as letters
from shared.bus.dispatch import Dispatcher
from shared.bus.inbox import claim, claimed
from shared.bus.incoming import Incoming
from shared.bus.parked import advance, follow, park
from shared.bus.retries import Retries
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.retry import RetryPolicy
from shared.db.spine import parked_events, parked_keys
from shared.events import Envelope, encode
from shared.telemetry.metrics import Metrics
from tests.kit.spine import AGENCY, COUNTERS, SYSTEM, Counted, Counter, effects_of, some_ids

NOW = datetime(2026, 11, 22, tzinfo=UTC)
AT_ONCE = timedelta(0)


def event(subject: UUID, number: int) -> Incoming:
    envelope = Envelope(uuid7(), "/tests", subject, NOW, AGENCY, Counted(number=number))
    return Incoming(envelope.id, Counted.type, Record(COUNTERS.name, *encode(envelope)))


async def stop(db: Database, *events: Incoming) -> None:
    """Park the first event, due at once, and the others behind it."""
    async with db.write(SYSTEM) as uow:
        await park(uow, events[0], "failed once", AT_ONCE)
        await follow(uow, events[1:])


class Late(Retries):
    """Comes late to count a failure: after `meanwhile`."""

    def __init__(self, db: Database, counter: Counter, attempts: int, meanwhile: Callable[[], Awaitable[None]]) -> None:
        super().__init__(*parts(db, counter, attempts), poll_seconds=1)
        self._meanwhile = meanwhile

    async def _failed(self, *given: Any) -> tuple[str, bool]:
        await self._meanwhile()
        return await super()._failed(*given)


def parts(db: Database, counter: Counter, attempts: int) -> tuple[Database, Dispatcher, RetryPolicy, Metrics]:
    policy = RetryPolicy((AT_ONCE,) * (attempts - 1))
    return db, Dispatcher(counter.handlers, 30), policy, Metrics("tests")


def another(db: Database, counter: Counter, attempts: int) -> Retries:
    return Retries(*parts(db, counter, attempts), poll_seconds=1)


async def the_key(db: Database) -> Row[Any]:
    async with db.read() as session:
        return (await session.execute(select(parked_keys))).one()


async def open_letters(db: Database) -> list[letters.DeadLetter]:
    async with db.read() as session:
        return [letters.letter(row) for row in await session.execute(letters.listing())]


async def line_of(db: Database) -> list[UUID]:
    async with db.read() as session:
        return list(await session.scalars(select(parked_events.c.event_id).order_by(parked_events.c.id)))


async def test_a_failure_that_is_counted_late_is_not_the_next_events(counters: Database) -> None:
    """One process failed the first event; before it counts that, another does the event and fails the next."""
    (subject,), counter = some_ids(1), Counter()
    first, second = event(subject, 1), event(subject, 2)
    await stop(counters, first, second)
    counter.poison = {1}

    async def the_other_goes_on() -> None:
        counter.poison = {2}
        await another(counters, counter, 2).sweep()

    await Late(counters, counter, 2, the_other_goes_on).sweep()
    assert await effects_of(counters) == {subject: [1]}
    assert await open_letters(counters) == []
    assert await line_of(counters) == [second.event_id]
    counter.poison = set()
    await another(counters, counter, 2).sweep()
    assert await effects_of(counters) == {subject: [1, 2]}


async def test_a_failure_that_is_counted_late_does_not_open_a_key_with_a_letter(counters: Database) -> None:
    (subject,), counter = some_ids(1), Counter()
    await stop(counters, event(subject, 1))
    counter.poison = {1}

    async def the_other_buries_it() -> None:
        for _ in range(2):
            await another(counters, counter, 3).sweep()

    await Late(counters, counter, 3, the_other_buries_it).sweep()
    (letter,) = await open_letters(counters)
    key = await the_key(counters)
    assert (letter.attempts, key.attempts, key.retry_at) == (3, 3, None)


async def test_who_joins_a_line_whose_last_event_is_being_done_is_not_left_behind(counters: Database) -> None:
    """The follower has seen the key parked; who takes the last event away waits for it, and leaves the key parked."""
    (subject,) = some_ids(1)
    first, second = event(subject, 1), event(subject, 2)
    await stop(counters, first)
    async with counters.read() as session:
        head = await session.scalar(select(parked_events.c.id))
    assert head is not None

    async def take_away() -> bool:
        async with counters.write(SYSTEM) as uow:
            return await advance(uow.session, first.place, head)

    async with counters.write(SYSTEM, claim([second])) as uow:
        fresh, standing = await claimed(uow, [second])
        assert standing == {first.place}
        taking = asyncio.create_task(take_away())
        await asyncio.sleep(0.5)
        await follow(uow, fresh)
    assert await taking is False, "the key goes on freely"
    assert await line_of(counters) == [second.event_id]
    assert (await the_key(counters)).retry_at is not None
    await another(counters, Counter(), 2).sweep()
    assert await effects_of(counters) == {subject: [2]}
