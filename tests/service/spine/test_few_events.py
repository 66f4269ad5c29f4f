"""A few events are claimed in the statement that writes their effects: what comes in between must be seen."""

import asyncio
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
from tests.kit.spine import SYSTEM, Counted, effects, effects_of, some_ids
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


async def shift(db: Database, days: int) -> None:
    """Move the business clock, as another process would."""
    async with db.read() as session:
        await session.execute(text("DELETE FROM clock_offset"))
        await session.execute(text("INSERT INTO clock_offset (seconds) VALUES (:s)"), {"s": days * 86400})


def showing(days: int) -> Any:
    return pytest.approx((datetime.now(UTC) + timedelta(days=days)).timestamp(), abs=0.5)


@pytest.mark.parametrize("handle", [collect, ask])
@pytest.mark.parametrize("among", [1, 3])
async def test_an_effect_has_the_databases_time_also_when_its_clock_was_moved(
    counters: Database, handle: Handle, among: int
) -> None:
    subjects = some_ids(among)
    told = list[datetime]()

    async def note(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        told.append(uow.now)
        await handle(uow, event)

    ours = settling(counters, note)
    for number, days in enumerate((0, 0, 3, 3, -2, -2, 0)):
        await shift(counters, days)
        await ours.settle_some([event for subject in subjects for event in events(subject, number)])
        assert told[-1].timestamp() == showing(days)
    assert await effects_of(counters) == {subject: list(range(7)) for subject in subjects}
    again = 3 * (among if handle is collect else 1)  # whenever the clock had been moved; who asks is told at once
    assert len(told) == 7 * among + again


async def test_what_another_unit_of_work_learns_meanwhile_does_not_vouch_for_an_older_time(counters: Database) -> None:
    (subject,) = some_ids(1)
    told = list[datetime]()

    async def slow(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        told.append(uow.now)
        if len(told) == 2:
            await shift(counters, 3)
            async with counters.write(SYSTEM):
                pass  # this process knows of it now
        await collect(uow, event)

    ours = settling(counters, slow)
    for number in range(3):
        await ours.settle_some(events(subject, number))
    assert [at.timestamp() for at in told] == [showing(0), showing(0), showing(3), showing(3)]


async def test_a_member_learns_by_itself_that_no_key_is_parked(counters: Database) -> None:
    """Its first events are claimed first; those after them are not, until one meets a parked key."""
    metrics, (subject, other) = Metrics("tests"), some_ids(2)
    seen = list[bool]()

    async def watch(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        seen.append(uow.begun)  # a claim that comes first has begun the transaction
        await collect(uow, event)
        if event.data.number == 13:
            raise RuntimeError("not this one")

    ours = Settling(
        counters, Dispatcher({Counted: watch}, 30), metrics, largest_transaction=500, first_pause=timedelta(hours=1)
    )
    for number in (1, 2, 3):
        await ours.settle_some(events(subject, number))
    assert seen == [True, False, False]
    await ours.settle_some(events(other, 13))
    await ours.settle_some(events(other, 14))
    seen.clear()
    await ours.settle_some(events(subject, 4))
    assert seen == [True]
    assert metrics.registry.get_sample_value("lantai_consumer_begun_again_total") == 2


async def test_a_row_that_somebody_holds_is_waited_for_once(counters_url: str, counters: Database) -> None:
    """What fails after the claim was taken would fail again: the others must not wait twice for it."""
    (subject,) = some_ids(1)
    db = Database(counters_url, "tests", lock_timeout_ms=300)
    calls = list[int]()

    async def wants(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        calls.append(event.data.number)
        await uow.fetch("SELECT FROM effects WHERE number = 0 FOR UPDATE")

    await settling(db, collect).settle_some(events(subject, 0))
    async with counters.write(SYSTEM) as holder:
        await holder.fetch("SELECT FROM effects WHERE number = 0 FOR UPDATE")
        await settling(db, wants).settle_some(events(some_ids(1)[0], 1))
    assert calls == [1]
    assert await count(counters, parked_events) == 1
    await db.dispose()


@pytest.mark.parametrize("how", ["cut", "late"])
async def test_a_handler_that_goes_on_after_a_cut_beginning_writes_nothing_unclaimed(
    counters: Database, how: str
) -> None:
    """A BEGIN that was cut may stand all the same, and the claim behind it was not run."""
    (subject,) = some_ids(1)
    (one,) = events(subject, 1)
    insertion = "INSERT INTO effects (subject, number) VALUES ($1, $2)"

    async def hasty(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if how == "late":
            with suppress(TimeoutError):
                async with asyncio.timeout(0):
                    await uow.fetch("SELECT 1")
        else:
            first = asyncio.create_task(uow.fetch("SELECT 1"))
            await asyncio.sleep(0)
            first.cancel()
            with suppress(asyncio.CancelledError):
                await first
        await uow.fetch(insertion, event.subject, event.data.number)

    ours = settling(counters, ask)
    await ours.settle_some(events(subject, 0))
    ours = settling(counters, hasty)
    for _ in range(3):
        assert await ours.settle_some([one]) == 1
    assert await effects_of(counters) == {subject: [0, 1]}


@pytest.mark.parametrize("how", ["fetch", "session", "savepoint"])
async def test_a_heedless_handler_loses_no_event_of_a_parked_key(
    counters: Database, another: Database, how: str
) -> None:
    (subject,) = some_ids(1)
    first, second = events(subject, 1, 2)

    async def fail(_uow: UnitOfWork, _event: Envelope[Counted]) -> None:
        raise RuntimeError("the other member cannot do it")

    async def heedless(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        with suppress(Exception):
            if how == "savepoint":
                async with uow.savepoint():
                    await collect(uow, event)
            elif how == "session":
                await ask(uow, event)
            else:
                await uow.fetch("SELECT 1")

    ours = settling(counters, heedless)
    await settling(another, fail).settle_some([first])
    assert await ours.settle_some([second]) == 1
    assert (await effects_of(counters), await count(counters, parked_events)) == ({}, 2)


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
