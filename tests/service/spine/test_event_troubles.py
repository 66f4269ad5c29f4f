"""Events that cost their connection whenever they are handled: that is their fault, if it never stops."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update

from shared.bus import dead_letters as letters
from shared.bus.consumers import Consumers
from shared.bus.dispatch import Dispatcher, Handler
from shared.bus.embedded import EmbeddedTransport
from shared.bus.retries import Retries
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import parked_keys
from shared.db.suspects import TROUBLES_BEFORE_BLAME
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Event
from shared.telemetry.metrics import Metrics
from tests.kit.spine import Counted, effects, running, some_ids, until, until_effects
from tests.service.spine.test_consumers import record

LATER = RetryPolicy((timedelta(hours=1),))


class Costly:
    """The handler: events of these subjects end the session that they are handled in."""

    def __init__(self, *subjects: UUID) -> None:
        self.subjects = set(subjects)

    @property
    def handlers(self) -> dict[type[Event], Handler]:
        return {Counted: self.handle}

    async def handle(self, uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if event.subject in self.subjects:
            await uow.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))


async def parked(db: Database) -> dict[str, int]:
    """The parked keys and how often each has failed."""
    async with db.read() as session:
        return {row.key: row.attempts for row in await session.execute(select(parked_keys))}


@pytest.mark.parametrize("place", [0, 17, 59])
async def test_an_event_that_always_costs_its_connection_parks_its_key_and_no_other(
    counters: Database, bus: EmbeddedTransport, place: int
) -> None:
    subjects = some_ids(60)
    costly = Costly(subjects[place])
    await bus.publish([record(s, n) for n in (1, 2) for s in subjects])
    async with running(Consumers(counters, bus, "g", costly.handlers, retries=LATER)):
        await until_effects(counters, {s: [1, 2] for s in subjects if s != subjects[place]})
        assert await parked(counters) == {str(subjects[place]): 1}
        costly.subjects = set()
        async with counters.engine.begin() as connection:
            await connection.execute(update(parked_keys).values(retry_at=func.clock_timestamp()))
        await until_effects(counters, {s: [1, 2] for s in subjects})


async def test_a_parked_event_that_always_costs_its_connection_ends_as_a_dead_letter(
    counters: Database, bus: EmbeddedTransport
) -> None:
    (subject,) = some_ids(1)
    costly = Costly(subject)
    await bus.publish([record(subject, 1)])
    consumers = Consumers(counters, bus, "g", costly.handlers, retries=LATER)
    async with running(consumers):
        await until(lambda: parked(counters))
    async with counters.engine.begin() as connection:
        await connection.execute(update(parked_keys).values(retry_at=func.clock_timestamp()))
    retries = Retries(counters, Dispatcher(costly.handlers, 30), LATER, Metrics("tests"), poll_seconds=1)
    for _ in range(TROUBLES_BEFORE_BLAME - 1):
        await retries.sweep()
    assert await parked(counters) == {str(subject): 1}, "so often it may be chance"
    await retries.sweep()
    assert await parked(counters) == {str(subject): 2}
    async with counters.read() as session:
        (letter,) = [letters.letter(row) for row in await session.execute(letters.listing())]
    assert (letter.key, letter.attempts) == (str(subject), 2)
