"""Three members on overlapping batches, cut off at any moment: nothing is lost, doubled or out of order per key."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from shared.bus.dispatch import Dispatcher
from shared.bus.incoming import Incoming
from shared.bus.settling import Settling
from shared.db.engine import Database
from shared.db.spine import parked_events
from shared.db.trouble import transaction_trouble
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.telemetry.metrics import Metrics
from tests.kit.spine import Counted, effects, effects_of, some_ids
from tests.service.spine.test_few_events import ask, collect, events

MEMBERS, EVENTS = 3, 150
TWICE_THE_SAME = text('INSERT INTO clock_offset ("only", seconds) VALUES (true, 0), (true, 0)')


async def in_a_savepoint(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    async with uow.savepoint():
        await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))


async def after_a_question(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    await collect(uow, event)
    await uow.fetch("SELECT 1")


async def after_a_failure(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    with suppress(IntegrityError):
        async with uow.savepoint():
            await uow.session.execute(TWICE_THE_SAME)
    await collect(uow, event)


WAYS = (collect, collect, ask, in_a_savepoint, after_a_question, after_a_failure)


class Handler:
    """Writes each key in a way of its own; the numbers in `poison` fail, before or after what they write.

    What is collected is written after what is not: only what goes one way has an order.
    """

    def __init__(self, keys: Sequence[UUID], poison: set[int]) -> None:
        self._ways = dict(zip(keys, WAYS, strict=True))
        self.poison = poison

    async def __call__(self, uow: UnitOfWork, event: Envelope[Counted]) -> None:
        number = event.data.number
        if number in self.poison and number % 2:
            raise RuntimeError("before")
        if number % 9 == 0:
            await asyncio.sleep(0.003)  # others come in between
        await self._ways[event.subject](uow, event)
        if number in self.poison:
            raise RuntimeError("after")


class Member:
    """Settles the log from the start in steps of its own; it is cut off now and then, and goes back a little."""

    def __init__(self, db: Database, handler: Handler, seed: int) -> None:
        self._rnd = random.Random(seed)
        dispatcher = Dispatcher({Counted: handler}, 30)
        pause = timedelta(hours=1)
        self._settling = Settling(db, dispatcher, Metrics("tests"), largest_transaction=100, first_pause=pause)

    async def settle(self, log: Sequence[Incoming]) -> None:
        at = 0
        while at < len(log):
            at += await self._some(log[at : at + self._rnd.randrange(1, 50)])
            if self._rnd.random() < 0.15:
                at = max(0, at - self._rnd.randrange(30))

    async def _some(self, events: Sequence[Incoming]) -> int:
        step = asyncio.create_task(self._settling.settle_some(events))
        if self._rnd.random() < 0.2:
            await asyncio.sleep(self._rnd.random() * 0.02)
            step.cancel()
        try:
            return await step
        except asyncio.CancelledError:
            return 0
        except Exception as error:
            if not transaction_trouble(error):
                raise
            return 0


@pytest.fixture
async def members(counters_url: str) -> AsyncIterator[list[Database]]:
    """Processes of one group, each with its connections."""
    found = [Database(counters_url, "tests", pool_size=3) for _ in range(MEMBERS)]
    yield found
    for db in found:
        await db.dispose()


def a_log(rnd: random.Random, keys: Sequence[UUID]) -> list[Incoming]:
    """Events of these keys; a few of them come twice."""
    log = [event for number in range(EVENTS) for event in events(rnd.choice(keys), number)]
    for _ in range(6):
        first = rnd.randrange(EVENTS)
        log.insert(min(first + rnd.randrange(1, 8), len(log)), log[first])
    return log


def by_key(log: Sequence[Incoming]) -> dict[UUID, list[int]]:
    """The numbers of each key, in their order, each once."""
    found: dict[UUID, list[int]] = {}
    for event in log:
        assert event.envelope is not None and isinstance(event.envelope.data, Counted)
        numbers, number = found.setdefault(event.envelope.subject, []), event.envelope.data.number
        if number not in numbers:
            numbers.append(number)
    return found


async def parked(db: Database) -> list[UUID]:
    async with db.read() as session:
        query = select(parked_events.c.event_id).order_by(parked_events.c.id)
        return list((await session.execute(query)).scalars())


@pytest.mark.parametrize("poisoned", [0, 4])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_nothing_is_lost_doubled_or_out_of_order(members: list[Database], seed: int, poisoned: int) -> None:
    rnd = random.Random(seed)
    keys, poison = some_ids(len(WAYS)), set(rnd.sample(range(EVENTS), poisoned))
    log, handler = a_log(rnd, keys), Handler(keys, poison)
    await asyncio.gather(*(Member(db, handler, seed * 10 + n).settle(log) for n, db in enumerate(members)))
    done, held = await effects_of(members[0]), await parked(members[0])
    waiting = by_key([next(event for event in log if event.event_id == event_id) for event_id in held])
    for key, numbers in by_key(log).items():
        behind = next((at for at, number in enumerate(numbers) if number in poison), len(numbers))
        assert (done.get(key, []), waiting.get(key, [])) == (numbers[:behind], numbers[behind:])
    assert len(held) == len(set(held))
    assert [db.lent for db in members] == [0] * MEMBERS
