"""Retries kept in rows, dead letters after the last one, and what an operator can do with them."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text, update

from shared.bus import dead_letters as letters
from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.retry import RetryPolicy
from shared.db.spine import audit_entries, parked_events, parked_keys
from shared.db.uow import Actor, UnitOfWork
from shared.errors import NotFound
from shared.events import Envelope
from tests.kit.lantai import run
from tests.kit.spine import AGENCY, COUNTERS, Counted, Counter, effects, emit, running, some_ids, until, until_effects

QUICK = RetryPolicy((timedelta(milliseconds=50), timedelta(milliseconds=100)))
OPERATOR = Actor("staff", "u-9", "管理员")


async def one_letter(db: Database) -> letters.DeadLetter | None:
    async with db.read() as session:
        row = (await session.execute(letters.listing())).first()
    return letters.letter(row) if row else None


@pytest.fixture
def counter() -> Counter:
    counter = Counter()
    counter.poison = {2}
    return counter


@pytest.fixture
def consumers(counters: Database, bus: EmbeddedTransport, counter: Counter) -> Consumers:
    return Consumers(counters, bus, "g", counter.handlers, retries=QUICK, retry_poll_seconds=0.05)


async def dead(counters: Database, subject: UUID, letter_count: int = 1) -> letters.DeadLetter:
    await emit(counters, subject, 1, 2, 3, 4)
    found = await until(lambda: one_letter(counters))
    await until_effects(counters, {subject: [1]})
    return found


async def test_an_event_that_keeps_failing_becomes_a_dead_letter_and_its_key_waits(
    counters: Database, bus: EmbeddedTransport, counter: Counter, consumers: Consumers
) -> None:
    sick, well = some_ids(2)
    async with running(Relay(counters, bus), consumers):
        letter = await dead(counters, sick)
        await emit(counters, well, 1)
        await until_effects(counters, {sick: [1], well: [1]})
    assert (letter.kind, letter.key, letter.attempts) == ("event", str(sick), 3)
    assert letter.error == "PoisonedEvent: number 2"
    assert (letter.body, letter.type) == ('{"number":2}', "lantai.test.counter.counted.v1")
    assert letter.headers["ce_agencyid"] == str(AGENCY)
    async with counters.read() as session:
        assert await session.scalar(select(parked_keys.c.retry_at)) is None
        assert await session.scalar(select(func.count()).select_from(parked_events)) == 3
    # Once in its batch, once alone before parking, then the retries: never again after that.
    assert counter.calls[2] == 4


async def test_an_event_that_cannot_be_read_is_a_dead_letter_soon(counters: Database, bus: EmbeddedTransport) -> None:
    """No retry heals it, so nobody waits for the long pauses."""
    soon, late = timedelta(milliseconds=20), timedelta(hours=1)
    consumers = Consumers(
        counters, bus, "g", Counter().handlers, retries=RetryPolicy((soon, soon, soon, late)), retry_poll_seconds=0.02
    )
    (subject,) = some_ids(1)
    async with running(Relay(counters, bus), consumers):
        await emit(counters, subject, 1)
        await until_effects(counters, {subject: [1]})
        headers = {"ce_type": Counted.type, "ce_agencyid": str(AGENCY)}
        await bus.publish([Record(COUNTERS.name, str(subject), headers, b'{"number":')])
        letter = await until(lambda: one_letter(counters))
    assert (letter.kind, letter.key, letter.attempts) == ("event", str(subject), 4)
    assert letter.error.startswith("MalformedEvent: ")


async def test_replay_releases_the_key_in_order(
    counters: Database, bus: EmbeddedTransport, counter: Counter, consumers: Consumers
) -> None:
    (sick,) = some_ids(1)
    async with running(Relay(counters, bus), consumers):
        letter = await dead(counters, sick)
        counter.poison = set()
        async with counters.write(OPERATOR) as uow:
            await letters.replay(uow, letter.id)
        await emit(counters, sick, 5)
        await until_effects(counters, {sick: [1, 2, 3, 4, 5]})
    async with counters.read() as session:
        decided = await letters.show(session, letter.id)
        audit = (await session.execute(select(audit_entries))).all()
    assert (decided.decision, decided.decided_by) == ("replayed", "管理员")
    assert [(a.action, a.actor_id, a.subject, a.agency_id) for a in audit] == [
        ("dead_letter.replayed", "u-9", letter.id, AGENCY)
    ]


async def test_the_command_says_where_to_look_after_a_replay(
    counters: Database, counters_url: str, bus: EmbeddedTransport, consumers: Consumers
) -> None:
    (sick,) = some_ids(1)
    async with running(Relay(counters, bus), consumers):
        letter = await dead(counters, sick)
    here = {"LANTAI_ENV": "test", "LANTAI_POSTGRES_URL": counters_url, "LANTAI_NOTIFY_DATABASE_URL": counters_url}
    done = await asyncio.to_thread(run, "dead-letters", "replay", "notify", str(letter.id), environment=here)
    assert (done.returncode, done.stderr) == (0, "")
    assert "`lantai dead-letters list notify` shows whether it dies again" in done.stdout
    async with counters.read() as session:
        assert (await letters.show(session, letter.id)).decision == "replayed"


async def test_a_replay_that_fails_again_makes_a_new_letter(
    counters: Database, bus: EmbeddedTransport, counter: Counter, consumers: Consumers
) -> None:
    (sick,) = some_ids(1)
    async with running(Relay(counters, bus), consumers):
        first = await dead(counters, sick)
        async with counters.write(OPERATOR) as uow:
            await letters.replay(uow, first.id)

        async def another() -> bool:
            found = await one_letter(counters)
            return found is not None and found.id != first.id

        await until(another)


async def test_discard_gives_the_event_up_and_lets_the_rest_go_on(
    counters: Database, bus: EmbeddedTransport, consumers: Consumers
) -> None:
    (sick,) = some_ids(1)
    async with running(Relay(counters, bus), consumers):
        letter = await dead(counters, sick)
        async with counters.write(OPERATOR) as uow:
            await letters.discard(uow, letter.id, "不再需要")
        await until_effects(counters, {sick: [1, 3, 4]})
    async with counters.read() as session:
        assert await session.scalar(select(func.count()).select_from(parked_keys)) == 0


async def test_a_databases_trouble_with_one_parked_key_keeps_no_other_waiting(
    counters: Database, bus: EmbeddedTransport
) -> None:
    """One key's retry loses its connection, each time; it is the first in line, and the others go on."""
    sick, *others = some_ids(3)
    failing = True

    async def handler(uow: UnitOfWork, event: Envelope[Counted]) -> None:
        if failing:
            raise RuntimeError("not yet")
        if event.subject == sick:
            await uow.session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))

    later = RetryPolicy((timedelta(hours=1),))
    async with running(Relay(counters, bus), Consumers(counters, bus, "g", {Counted: handler}, retries=later)):
        for subject in (sick, *others):
            await emit(counters, subject, 1)
        await until(lambda: parked_count(counters, 3))
        failing = False
        async with counters.write(OPERATOR) as uow:
            await uow.session.execute(update(parked_keys).values(retry_at=func.clock_timestamp()))
            first = update(parked_keys).where(parked_keys.c.key == str(sick))
            await uow.session.execute(first.values(retry_at=func.clock_timestamp() - timedelta(hours=1)))
        await until_effects(counters, {one: [1] for one in others})


async def parked_count(db: Database, wanted: int) -> bool:
    async with db.read() as session:
        return await session.scalar(select(func.count()).select_from(parked_keys)) == wanted


async def test_a_letter_is_decided_once(counters: Database, bus: EmbeddedTransport, consumers: Consumers) -> None:
    (sick,) = some_ids(1)
    async with running(Relay(counters, bus), consumers):
        letter = await dead(counters, sick)
    async with counters.write(OPERATOR) as uow:
        await letters.discard(uow, letter.id, "不再需要")
    with pytest.raises(letters.DeadLetterDecided):
        async with counters.write(OPERATOR) as uow:
            await letters.replay(uow, letter.id)
    with pytest.raises(letters.DeadLetterDecided):
        async with counters.write(OPERATOR) as uow:
            await letters.discard(uow, letter.id, "不再需要")
    with pytest.raises(NotFound):
        async with counters.write(OPERATOR) as uow:
            await letters.replay(uow, uuid7())


async def test_two_processes_try_a_parked_key_one_at_a_time(
    counters: Database, bus: EmbeddedTransport, counter: Counter
) -> None:
    subjects = some_ids(30)
    members = [
        Consumers(counters, bus, "g", counter.handlers, retries=QUICK, retry_poll_seconds=0.01) for _ in range(3)
    ]
    counter.poison = {0}
    for subject in subjects:
        await emit(counters, subject, 0, 1, 2)
    async with running(Relay(counters, bus), *members):

        async def all_parked() -> bool:
            async with counters.read() as session:
                return await session.scalar(select(func.count()).select_from(parked_events)) == 90

        await until(all_parked)
        counter.poison = set()
        async with counters.write(OPERATOR) as uow:
            await uow.session.execute(update(parked_keys).values(retry_at=func.clock_timestamp(), attempts=1))
        await until_effects(counters, {s: [0, 1, 2] for s in subjects})
