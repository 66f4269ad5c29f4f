"""Handlers that take neighbouring events together, on a real PostgreSQL and the embedded log."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import select, text

from shared.bus.consumers import Consumers
from shared.bus.dispatch import Handler, InBatches
from shared.bus.embedded import EmbeddedTransport
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import outbox, parked_events, parked_keys
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Event, encode
from tests.kit.spine import (
    AGENCY,
    COUNTERS,
    Counted,
    Renamed,
    effects,
    effects_of,
    running,
    some_ids,
    until,
    until_effects,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def record(subject: UUID, event: Event) -> Record:
    return Record(COUNTERS.name, *encode(Envelope(uuid7(), "/tests", subject, NOW, AGENCY, event)))


class Together:
    """Writes the effects of all it is given in one statement; a number in `poison` fails the whole."""

    def __init__(self) -> None:
        self.poison: set[int] = set()
        self.sizes: list[int] = []

    async def handle(self, uow: UnitOfWork, events: Sequence[Envelope[Counted]]) -> None:
        self.sizes.append(len(events))
        uow.insert(effects, *({"subject": event.subject, "number": event.data.number} for event in events))
        if self.poison & {event.data.number for event in events}:
            raise RuntimeError("one of these")


async def parked(db: Database) -> list[str]:
    async with db.read() as session:
        return list((await session.scalars(select(parked_keys.c.key).order_by(parked_keys.c.key))).all())


async def test_neighbours_are_handled_together_in_order(counters: Database, bus: EmbeddedTransport) -> None:
    counter, subjects = Together(), some_ids(8)
    await bus.publish([record(s, Counted(number=n)) for n in range(30) for s in subjects])
    async with running(Consumers(counters, bus, "g", {Counted: InBatches(counter.handle)})):
        await until_effects(counters, {s: list(range(30)) for s in subjects})
    assert sum(counter.sizes) == 240
    assert max(counter.sizes) > 20


async def test_another_type_between_them_keeps_its_place(counters: Database, bus: EmbeddedTransport) -> None:
    (a,), counter = some_ids(1), Together()

    async def on_renamed(uow: UnitOfWork, event: Envelope[Renamed]) -> None:
        uow.insert(effects, {"subject": event.subject, "number": -int(event.data.name)})

    await bus.publish(
        [record(a, Renamed(name=str(n)) if n % 5 == 0 else Counted(number=n)) for n in range(1, 24)]
        + [Record(COUNTERS.name, str(a), {}, b"{}")]
    )
    handlers: dict[type[Event], Handler] = {Counted: InBatches(counter.handle), Renamed: on_renamed}
    async with running(Consumers(counters, bus, "g", handlers)):
        await until_effects(counters, {a: [-n if n % 5 == 0 else n for n in range(1, 24)]})
        await until(lambda: parked(counters))


@pytest.mark.parametrize("poison", [{0}, {7}, {3, 11, 12, 39}], ids=str)
async def test_the_poison_among_many_parks_its_key_and_no_other(
    counters: Database, bus: EmbeddedTransport, poison: set[int]
) -> None:
    counter, subjects = Together(), some_ids(40)
    counter.poison = poison
    await bus.publish([record(s, Counted(number=n)) for n, s in enumerate(subjects)])
    await bus.publish([record(s, Counted(number=n + 100)) for n, s in enumerate(subjects)])
    well = {s: [n, n + 100] for n, s in enumerate(subjects) if n not in poison}
    async with running(Consumers(counters, bus, "g", {Counted: InBatches(counter.handle)})):
        await until_effects(counters, well)
        assert await parked(counters) == sorted(str(subjects[n]) for n in poison)
        counter.poison = set()
        await until_effects(counters, {s: [n, n + 100] for n, s in enumerate(subjects)})
    async with counters.read() as session:
        assert (await session.execute(select(parked_events))).all() == []


async def test_a_statement_that_fails_is_undone_alone(counters: Database, bus: EmbeddedTransport) -> None:
    """The constraint names no culprit: halves find it, and what a failed half wrote or emitted is gone with it."""
    async with counters.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE effects ADD CHECK (number <> 13)"))
    subjects = some_ids(30)

    async def handler(uow: UnitOfWork, events: Sequence[Envelope[Counted]]) -> None:
        uow.insert(effects, *({"subject": event.subject, "number": event.data.number} for event in events))
        for event in events:
            uow.emit(Renamed(name="x"), subject=event.subject, agency_id=AGENCY)

    await bus.publish([record(s, Counted(number=n)) for n, s in enumerate(subjects)])
    async with running(Consumers(counters, bus, "g", {Counted: InBatches(handler)})):
        await until(lambda: parked(counters))
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects) if n != 13})
    assert await parked(counters) == [str(subjects[13])]
    async with counters.read() as session:
        emitted = (await session.scalars(select(outbox.c.key))).all()
    assert sorted(emitted) == sorted(str(s) for s in subjects if s != subjects[13])


async def test_a_batch_that_takes_too_long_is_cut_until_one_event_is_left(
    counters: Database, bus: EmbeddedTransport
) -> None:
    subjects = some_ids(4)
    slow = subjects[2]

    async def handler(uow: UnitOfWork, events: Sequence[Envelope[Counted]]) -> None:
        if slow in {event.subject for event in events}:
            await uow.session.execute(text("SELECT pg_sleep(5)"))
        uow.insert(effects, *({"subject": event.subject, "number": 1} for event in events))

    await bus.publish([record(s, Counted(number=1)) for s in subjects])
    async with running(Consumers(counters, bus, "g", {Counted: InBatches(handler)}, handler_seconds=0.2)):
        await until_effects(counters, {s: [1] for s in subjects if s != slow})
        await until(lambda: parked(counters))
    assert await parked(counters) == [str(slow)]
    assert slow not in await effects_of(counters)
