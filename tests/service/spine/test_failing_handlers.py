"""Handlers that fail before or after they have done something, on a real PostgreSQL and the embedded log."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import insert, select, text

from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.parked import LISTED
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, inbox, outbox, parked_events, parked_keys, timers
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Event, encode
from tests.kit.spine import AGENCY, COUNTERS, SYSTEM, Counted, Renamed, effects, running, some_ids, until, until_effects

NOW = datetime(2026, 11, 22, tzinfo=UTC)
Handler = Callable[[UnitOfWork, Envelope[Counted]], Awaitable[None]]


def record(subject: UUID, number: int) -> Record:
    return Record(COUNTERS.name, *encode(Envelope(uuid7(), "/tests", subject, NOW, AGENCY, Counted(number=number))))


class Failing:
    """Writes its effect by collecting it; numbers in `poison` fail before or after `does` was done."""

    def __init__(self, poison: set[int], does: Handler | None = None) -> None:
        self.poison = poison
        self.does = does
        self.calls: Counter[int] = Counter()

    @property
    def handlers(self) -> dict[type[Event], Handler]:
        return {Counted: self.handle}

    async def handle(self, uow: UnitOfWork, event: Envelope[Counted]) -> None:
        number = event.data.number
        self.calls[number] += 1
        if number in self.poison:
            if self.does is not None:
                await self.does(uow, event)
            raise RuntimeError(f"number {number}")
        uow.insert(effects, {"subject": event.subject, "number": number})


async def line_of(db: Database) -> dict[str, list[int]]:
    """The parked events by key, in order."""
    found: dict[str, list[int]] = {}
    async with db.read() as session:
        for row in await session.execute(select(parked_events).order_by(parked_events.c.id)):
            found.setdefault(row.key, []).append(Counted.model_validate_json(row.body).number)
        keys = set((await session.scalars(select(parked_keys.c.key))).all())
    assert keys == found.keys()
    return found


async def test_what_had_done_nothing_makes_no_other_event_be_handled_twice(
    counters: Database, bus: EmbeddedTransport
) -> None:
    subjects, failing = some_ids(20), Failing({3, 15, 34})
    await bus.publish([record(s, n) for n, s in enumerate(subjects * 3)])
    sick = {3: [3, 23, 43], 15: [15, 35, 55], 14: [34, 54]}
    well = {s: [n, n + 20, n + 40] for n, s in enumerate(subjects) if n not in sick} | {subjects[14]: [14]}
    async with running(Consumers(counters, bus, "g", failing.handlers)):
        await until_effects(counters, well)
        assert await line_of(counters) == {str(subjects[n]): numbers for n, numbers in sick.items()}
    handled = {n for numbers in well.values() for n in numbers}
    assert {n: failing.calls[n] for n in handled} == dict.fromkeys(handled, 1)


async def insert_row(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.insert(effects, {"subject": event.subject, "number": event.data.number})


async def emit_event(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.emit(Renamed(name="x"), subject=event.subject, agency_id=AGENCY)


async def run_statement(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    await uow.fetch("INSERT INTO effects (subject, number) VALUES ($1, $2)", event.subject, event.data.number)


async def use_session(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))


async def write_beside(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.also("INSERT INTO effects (subject, number) VALUES ({0}, 17)", event.subject)


async def write_audit(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.audit("tried", subject=event.subject, agency_id=AGENCY)


async def set_timer(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.schedule(event.subject, "late", NOW)


async def set_timers(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.schedule_all([event.subject], {"late": NOW})


async def cancel_timer(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.cancel(event.subject, "kept")


async def doom_transaction(uow: UnitOfWork, _event: Envelope[Counted]) -> None:
    await uow.fetch("SELECT 1 / 0")


DEEDS = [
    insert_row,
    emit_event,
    run_statement,
    use_session,
    write_beside,
    write_audit,
    set_timer,
    set_timers,
    cancel_timer,
    doom_transaction,
]


@pytest.mark.parametrize("does", DEEDS)
async def test_what_it_had_done_is_undone(counters: Database, bus: EmbeddedTransport, does: Handler) -> None:
    subjects, failing = some_ids(30), Failing({17}, does)
    async with counters.write(SYSTEM) as uow:
        uow.schedule(subjects[17], "kept", NOW)
    await bus.publish([record(s, n) for n, s in enumerate(subjects)])
    async with running(Consumers(counters, bus, "g", failing.handlers)):
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects) if n != 17})
        assert await line_of(counters) == {str(subjects[17]): [17]}
    async with counters.read() as session:
        assert (await session.scalars(select(outbox.c.id))).all() == []
        assert (await session.scalars(select(audit_entries.c.id))).all() == []
        assert (await session.scalars(select(timers.c.kind))).all() == ["kept"]


async def test_one_that_had_done_nothing_among_those_undone_is_parked_once(
    counters: Database, bus: EmbeddedTransport
) -> None:
    """The constraint fails the whole attempt, in which another event had been parked already."""
    async with counters.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE effects ADD CHECK (number <> 13)"))
    subjects, failing = some_ids(30), Failing({7, 21})
    await bus.publish([record(s, n) for n, s in enumerate(subjects)])
    async with running(Consumers(counters, bus, "g", failing.handlers)):
        await until_effects(counters, {s: [n] for n, s in enumerate(subjects) if n not in (7, 13, 21)})
        assert await line_of(counters) == {str(subjects[n]): [n] for n in (7, 13, 21)}


async def test_a_lone_event_that_had_done_nothing_is_parked_where_it_is_claimed(
    counters: Database, bus: EmbeddedTransport
) -> None:
    (subject,), failing = some_ids(1), Failing({1})
    await bus.publish([record(subject, 1)])
    async with running(Consumers(counters, bus, "g", failing.handlers)):

        async def waiting(*numbers: int) -> bool:
            return await line_of(counters) == {str(subject): list(numbers)}

        await until(lambda: waiting(1))
        await bus.publish([record(subject, 2)])
        await until(lambda: waiting(1, 2))
        failing.poison = set()
        await until_effects(counters, {subject: [1, 2]})


@pytest.mark.parametrize("others", [0, LISTED - 1, LISTED, LISTED + 1])
async def test_a_parked_key_is_seen_however_many_there_are(
    counters: Database, bus: EmbeddedTransport, others: int
) -> None:
    a, b, *rest = some_ids(2 + others)
    values = [
        {"topic": COUNTERS.name, "key": str(key), "attempts": 1, "error": "?", "retry_at": None} for key in (*rest, a)
    ]
    async with counters.write(SYSTEM) as uow:
        uow.insert(parked_keys, *values)
    failing = Failing(set())
    await bus.publish([record(a, 1), record(b, 2), record(a, 3)])
    async with running(Consumers(counters, bus, "g", failing.handlers)):
        await until_effects(counters, {b: [2]})
    async with counters.read() as session:
        found = await session.scalars(select(parked_events.c.event_id).order_by(parked_events.c.id))
        assert len(found.all()) == 2
        assert len((await session.scalars(select(inbox.c.event_id))).all()) == 3
    assert failing.calls == {2: 1}
