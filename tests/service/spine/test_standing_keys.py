"""A key that stands still is seen from its first failure on, and an operator need not wait for its dead letter."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from shared.bus import dead_letters as letters
from shared.bus import parked, standing
from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.relay import Relay
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.spine import audit_entries, dead_letters, parked_events, parked_keys
from shared.db.uow import Actor
from shared.errors import NotFound
from tests.kit.spine import AGENCY, SYSTEM, Counter, effects_of, emit, running, some_ids, until, until_effects

PATIENT = RetryPolicy((timedelta(hours=1), timedelta(hours=1)))
ONCE = RetryPolicy((timedelta(milliseconds=20),))
OPERATOR = Actor("staff", "u-9", "管理员")


async def keys(db: Database) -> list[standing.StandingKey]:
    async with db.read() as session:
        return await standing.everything(session)


@pytest.fixture
def counter() -> Counter:
    counter = Counter()
    counter.poison = {2}
    return counter


@pytest.fixture
async def stopped(counters: Database, bus: EmbeddedTransport, counter: Counter) -> AsyncIterator[UUID]:
    """A key whose second of four events failed once; its next attempt is an hour away."""
    (subject,) = some_ids(1)
    consumers = Consumers(counters, bus, "g", counter.handlers, retries=PATIENT, retry_poll_seconds=0.02)
    async with running(Relay(counters, bus), consumers):
        await emit(counters, subject, 1, 2, 3, 4)

        async def all_there() -> bool:
            async with counters.read() as session:
                return await session.scalar(select(func.count()).select_from(parked_events)) == 3

        await until(all_there)
        yield subject


async def test_it_is_seen_with_what_an_operator_asks_for(counters: Database, stopped: UUID) -> None:
    (key,) = await keys(counters)
    assert (key.topic, key.key, key.type) == ("test.counters", str(stopped), "lantai.test.counter.counted.v1")
    assert (key.attempts, key.error, key.waiting) == (1, "PoisonedEvent: number 2", 2)
    assert (key.agency_id, key.letter_id, key.body) == (AGENCY, None, '{"number":2}')
    assert key.retry_at is not None and 3_000 < (key.retry_at - key.parked_at).total_seconds() <= 3_600
    assert 0 <= key.seconds < 60


async def test_retry_tries_it_at_once_and_the_rest_follows(counters: Database, stopped: UUID, counter: Counter) -> None:
    (key,) = await keys(counters)
    counter.poison = set()
    async with counters.write(OPERATOR) as uow:
        await standing.retry(uow, key.event_id)
    await until_effects(counters, {stopped: [1, 2, 3, 4]})
    assert await keys(counters) == []
    async with counters.read() as session:
        (entry,) = (await session.execute(select(audit_entries))).all()
    assert (entry.action, entry.subject, entry.agency_id) == ("parked_key.retried", key.event_id, AGENCY)
    assert "PoisonedEvent" in entry.details


async def test_a_retry_that_fails_counts_among_the_others(counters: Database, stopped: UUID, counter: Counter) -> None:
    (key,) = await keys(counters)
    async with counters.write(OPERATOR) as uow:
        await standing.retry(uow, key.event_id)

    async def counted() -> bool:
        return [one.attempts for one in await keys(counters)] == [2]

    await until(counted)


async def test_discard_gives_the_head_up_and_keeps_what_it_was(counters: Database, stopped: UUID) -> None:
    (key,) = await keys(counters)
    async with counters.write(OPERATOR) as uow:
        await standing.discard(uow, key.event_id, "对方系统已停用。")
    await until_effects(counters, {stopped: [1, 3, 4]})
    async with counters.read() as session:
        (letter,) = [letters.letter(row) for row in await session.execute(letters.listing(undecided_only=False))]
        (entry,) = (await session.execute(select(audit_entries))).all()
    assert (letter.event_id, letter.body, letter.decision) == (key.event_id, '{"number":2}', "discarded")
    assert (entry.action, entry.subject) == ("dead_letter.discarded", letter.id)
    assert "对方系统已停用。" in entry.details
    with pytest.raises(NotFound):
        async with counters.write(OPERATOR) as uow:
            await standing.retry(uow, key.event_id)


async def test_what_is_being_tried_is_not_given_up(counters: Database, stopped: UUID) -> None:
    (key,) = await keys(counters)
    async with counters.write(SYSTEM, parked.alone((key.topic, key.key))):
        with pytest.raises(standing.ParkedKeyInHand):
            async with counters.write(OPERATOR) as uow:
                await standing.discard(uow, key.event_id, "对方系统已停用。")
    assert (await keys(counters))[0].event_id == key.event_id
    assert await effects_of(counters) == {stopped: [1]}


@pytest.mark.parametrize("decision", ["replayed", "discarded"])
async def test_one_that_is_dead_is_decided_as_its_letter(
    counters: Database, bus: EmbeddedTransport, counter: Counter, decision: str
) -> None:
    (subject,) = some_ids(1)
    consumers = Consumers(counters, bus, "g", counter.handlers, retries=ONCE, retry_poll_seconds=0.02)
    async with running(Relay(counters, bus), consumers):
        await emit(counters, subject, 2, 3)

        async def dead() -> standing.StandingKey | None:
            return next((key for key in await keys(counters) if key.letter_id is not None), None)

        key = await until(dead)
        assert (key.retry_at, key.attempts) == (None, 2)
        counter.poison = set()
        async with counters.write(OPERATOR) as uow:
            if decision == "replayed":
                await standing.retry(uow, key.event_id)
            else:
                await standing.discard(uow, key.event_id, "不再需要")
        await until_effects(counters, {subject: [2, 3] if decision == "replayed" else [3]})
    async with counters.read() as session:
        (letter,) = (await session.execute(select(dead_letters))).all()
    assert (letter.id, letter.decision) == (key.letter_id, decision)


async def test_a_replay_that_fails_again_is_seen_among_the_parked(
    counters: Database, stopped: UUID, counter: Counter
) -> None:
    """Its letter is decided and the next one is far away: here it is seen meanwhile."""
    async with counters.write(SYSTEM) as uow:
        await uow.session.execute(update(parked_keys).values(attempts=2, retry_at=func.clock_timestamp()))

    async def letter_of() -> UUID | None:
        (key,) = await keys(counters)
        return key.letter_id

    letter = await until(letter_of)
    async with counters.write(OPERATOR) as uow:
        await letters.replay(uow, letter)

    async def failed_again() -> bool:
        (key,) = await keys(counters)
        return key.letter_id is None and key.attempts == 1 and key.retry_at is not None

    await until(failed_again)
