"""A few events are claimed in the statement that writes their effects: what comes in between must be seen."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text

from shared.bus.dispatch import Dispatcher
from shared.bus.incoming import Incoming, incoming
from shared.bus.settling import Settling
from shared.bus.transport import Delivered
from shared.db.engine import Database
from shared.db.spine import inbox, parked_events
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.telemetry.metrics import Metrics
from tests.kit.spine import Counted, effects, effects_of, some_ids
from tests.service.spine.test_consumers import record

Handle = Callable[[UnitOfWork, Envelope[Counted]], Awaitable[None]]


async def collect(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.insert(effects, {"subject": event.subject, "number": event.data.number})


async def ask(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))


def settling(db: Database, handle: Handle) -> Settling:
    """A member that has looked and found no key parked, as every one has after its first events."""
    dispatcher = Dispatcher({Counted: handle}, 30)
    found = Settling(db, dispatcher, Metrics("tests"), largest_transaction=500, first_pause=timedelta(hours=1))
    found._some_parked = False
    return found


def events(subject: UUID, *numbers: int) -> list[Incoming]:
    records = [Delivered(record(subject, number), 0, number, datetime.now(UTC)) for number in numbers]
    return incoming(records, {Counted.type: Counted})


async def count(db: Database, what: Any) -> int:
    async with db.read() as session:
        found: int = (await session.execute(select(func.count()).select_from(what))).scalar_one()
    return found


@pytest.fixture
async def another(counters_url: str) -> AsyncIterator[Database]:
    """Another member of the group, a process of its own."""
    db = Database(counters_url, "tests")
    yield db
    await db.dispose()


@pytest.mark.parametrize("handle", [collect, ask])
async def test_each_takes_effect_once_however_often_it_comes(counters: Database, handle: Handle) -> None:
    (subject,) = some_ids(1)
    three = events(subject, 1, 2, 3)
    for batch in (three[:1], three[:1], three, [*three, three[0]]):
        assert await settling(counters, handle).settle_some(batch) == len(batch)
    assert await effects_of(counters) == {subject: [1, 2, 3]}
    assert await count(counters, inbox) == 3


@pytest.mark.parametrize("handle", [collect, ask])
@pytest.mark.parametrize("among", [1, 3])
async def test_an_event_that_another_member_settles_meanwhile_takes_effect_once(
    counters: Database, another: Database, handle: Handle, among: int
) -> None:
    (subject,) = some_ids(1)
    batch = events(subject, *range(1, among + 1))
    calls = list[int]()

    async def overtaken(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if not calls:
            await settling(another, handle).settle_some(batch[:1])
        calls.append(event.data.number)
        await handle(uow, event)

    assert await settling(counters, overtaken).settle_some(batch) == among
    assert await effects_of(counters) == {subject: list(range(1, among + 1))}
    assert (await count(counters, inbox), await count(counters, parked_events)) == (among, 0)


@pytest.mark.parametrize("handle", [collect, ask])
async def test_a_key_that_another_member_parks_meanwhile_keeps_its_order(
    counters: Database, another: Database, handle: Handle
) -> None:
    """It fails the first event while we are at both: ours wait behind it, and none takes effect before it."""
    (subject,) = some_ids(1)
    both = events(subject, 1, 2)
    calls = list[int]()

    async def fail(_uow: UnitOfWork, _event: Envelope[Counted]) -> None:
        raise RuntimeError("the other member cannot do it")

    async def overtaken(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if not calls:
            await settling(another, fail).settle_some(both[:1])
        calls.append(event.data.number)
        await handle(uow, event)

    assert await settling(counters, overtaken).settle_some(both) == 2
    assert await effects_of(counters) == {}
    assert await count(counters, parked_events) == 2


@pytest.mark.parametrize("handle", [collect, ask])
async def test_of_a_few_the_one_that_fails_is_parked_and_the_others_take_effect(
    counters: Database, handle: Handle
) -> None:
    subjects = some_ids(3)
    batch = [event for subject in subjects for event in events(subject, 1, 2)]

    async def picky(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        await handle(uow, event)
        if event.subject == subjects[1]:
            raise RuntimeError("not this one")

    assert await settling(counters, picky).settle_some(batch) == len(batch)
    assert await effects_of(counters) == {subjects[0]: [1, 2], subjects[2]: [1, 2]}
    assert (await count(counters, inbox), await count(counters, parked_events)) == (6, 2)


@pytest.mark.parametrize("handle", [collect, ask])
@pytest.mark.parametrize("among", [1, 3])
async def test_a_key_that_another_member_parked_since_we_looked_is_seen(
    counters: Database, another: Database, handle: Handle, among: int
) -> None:
    (subject,) = some_ids(1)
    first, *rest = events(subject, *range(among + 1))

    async def fail(_uow: UnitOfWork, _event: Envelope[Counted]) -> None:
        raise RuntimeError("the other member cannot do it")

    ours = settling(counters, handle)
    await settling(another, fail).settle_some([first])
    assert await ours.settle_some(rest) == among
    assert await effects_of(counters) == {}
    assert await count(counters, parked_events) == 1 + among


@pytest.mark.parametrize("handle", [collect, ask])
async def test_an_effect_has_the_databases_time_also_when_its_clock_was_moved(
    counters: Database, handle: Handle
) -> None:
    (subject,) = some_ids(1)
    told = list[datetime]()

    async def note(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        told.append(uow.now)
        await handle(uow, event)

    ours = settling(counters, note)
    for number, days in enumerate((0, 0, 3, 3, -2, -2, 0)):
        async with counters.read() as session:
            await session.execute(text("DELETE FROM clock_offset"))
            await session.execute(text("INSERT INTO clock_offset (seconds) VALUES (:s)"), {"s": days * 86400})
        await ours.settle_some(events(subject, number))
        shown = datetime.now(UTC) + timedelta(days=days)
        assert abs(told[-1] - shown) < timedelta(seconds=0.5)
    assert await effects_of(counters) == {subject: list(range(7))}
    assert len(told) == 7 + 3  # once more whenever the clock had been moved


async def test_a_handler_that_passes_over_errors_does_not_pass_over_a_doomed_transaction(counters: Database) -> None:
    """What it takes for its own failure is the claim's, and the event has been done."""
    (subject,) = some_ids(1)
    (one,) = events(subject, 1)

    async def heedless(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        with suppress(Exception):
            await ask(uow, event)

    ours = settling(counters, heedless)
    for _ in range(3):
        assert await ours.settle_some([one]) == 1
    assert await effects_of(counters) == {subject: [1]}
    assert await count(counters, parked_events) == 0
