"""The relay and compacted topics, which keep a key's last record: it begins as their sole publisher, then reads."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from shared.bus import dead_letters
from shared.bus.memory import MemoryTransport
from shared.bus.outbox import Shard
from shared.bus.relay import Relay
from shared.bus.transport import Publisher, Record, RecordRefused, TransportUnavailable
from shared.db.engine import Database
from shared.db.spine import outbox
from tests.kit.spine import AGENCY, COUNTERS, SYSTEM, Counted, emit, running, some_ids, until

STATES = replace(COUNTERS, name="test.states", compacted=True)


class Refusing:
    """Finds on the way that the log does not take a body, and takes nothing after that, as Kafka's does."""

    def __init__(self, inner: Publisher, bodies: set[bytes]) -> None:
        self._inner = inner
        self._bodies = bodies
        self._broken = False

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        if self._broken:
            raise TransportUnavailable("another one has to begin")
        for index, record in enumerate(records):
            if record.body in self._bodies:
                self._broken = True
                raise RecordRefused(index, "refused")
        await self._inner.publish(records, timeout_seconds)


class Log(MemoryTransport):
    """A log in which things can happen as soon as a sole publisher has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.after_begin: Callable[[], Awaitable[None]] | None = None
        self.refused: set[bytes] = set()

    @asynccontextmanager
    async def sole_publisher(self, name: str) -> AsyncIterator[Publisher]:
        self.names.append(name)
        async with super().sole_publisher(name) as publisher:
            if self.after_begin is not None:
                await self.after_begin()
            yield Refusing(publisher, self.refused)

    def numbers(self, topic: str) -> dict[str, list[int]]:
        found: dict[str, list[int]] = defaultdict(list)
        for (name, _), part in self._logs.items():
            for one in part if name == topic else []:
                found[one.record.key].append(Counted.model_validate_json(one.record.body).number)
        return dict(found)


@pytest.fixture
async def log() -> Log:
    log = Log()
    await log.ensure_topics([COUNTERS, STATES])
    return log


async def emit_state(db: Database, subject: UUID, *numbers: int) -> None:
    async with db.write(SYSTEM) as uow:
        for number in numbers:
            uow.emit(Counted(number=number), subject=subject, agency_id=AGENCY)
        await uow.flush()
        await uow.session.execute(update(outbox).where(outbox.c.key == str(subject)).values(topic=STATES.name))


async def published(db: Database) -> bool:
    async with db.read() as session:
        left = await session.scalar(select(func.count()).select_from(outbox).where(outbox.c.published_at.is_(None)))
    return left == 0


async def test_states_and_events_of_one_batch_all_go_in_order(counters: Database, log: Log) -> None:
    state, event = some_ids(2)
    for n in range(3):
        await emit_state(counters, state, n)
        await emit(counters, event, n)
    async with running(Relay(counters, log, shard=Shard(0, 1))):
        await until(lambda: published(counters))
    assert log.numbers(STATES.name) == {str(state): [0, 1, 2]}
    assert log.numbers(COUNTERS.name) == {str(event): [0, 1, 2]}
    assert set(log.names) == {"lantai.tests.relay.0"}


async def test_without_states_nobody_begins(counters: Database, log: Log) -> None:
    (event,) = some_ids(1)
    await emit(counters, event, 1)
    async with running(Relay(counters, log)):
        await until(lambda: published(counters))
    assert log.names == []


async def test_what_another_relay_has_published_meanwhile_is_not_published_again(counters: Database, log: Log) -> None:
    """A relay that was frozen between its reading and its beginning holds rows that are old by now."""
    (state,) = some_ids(1)
    await emit_state(counters, state, 1)

    async def others_were_faster() -> None:
        log.after_begin = None
        async with counters.write(SYSTEM) as uow:
            await uow.session.execute(update(outbox).values(published_at=func.now()))

    log.after_begin = others_were_faster
    async with running(Relay(counters, log, poll_seconds=0.1)):
        await until(lambda: published(counters))
        await emit_state(counters, state, 2)
        await until(lambda: published(counters))
    assert log.numbers(STATES.name) == {str(state): [2]}


async def test_a_relay_superseded_without_reason_begins_anew(counters: Database, log: Log) -> None:
    """By one that was frozen before it began: it has no session any more, and publishes nothing."""
    (state,) = some_ids(1)
    await emit_state(counters, state, 1, 2)

    async def thaw() -> None:
        log.after_begin = None
        log._terms["lantai.tests.relay.0"] += 1

    log.after_begin = thaw
    async with running(Relay(counters, log, poll_seconds=0.1)):
        await until(lambda: published(counters))
    assert log.numbers(STATES.name) == {str(state): [1, 2]}
    assert len(log.names) == 2


async def test_events_go_on_while_nobody_can_begin(counters: Database, log: Log) -> None:
    """A coordinator of transactions that is away, or forbidden, holds up the compacted topics and no other."""
    state, event = some_ids(2)

    async def away() -> None:
        raise TransportUnavailable("no coordinator")

    log.after_begin = away
    await emit_state(counters, state, 1)
    async with running(Relay(counters, log, poll_seconds=0.1)):
        for n in range(3):
            await emit(counters, event, n)

            async def gone(wanted: int = n + 1) -> bool:
                return len(log.numbers(COUNTERS.name).get(str(event), [])) == wanted

            await until(gone)
        assert log.numbers(STATES.name) == {}
        log.after_begin = None
        await until(lambda: published(counters))
    assert log.numbers(STATES.name) == {str(state): [1]}
    assert log.numbers(COUNTERS.name) == {str(event): [0, 1, 2]}


async def test_a_state_that_the_log_refuses_holds_up_no_other(counters: Database, log: Log) -> None:
    """What comes before it goes first, by a sole publisher that begins anew."""
    first, bad, last = some_ids(3)
    log.refused = {Counted(number=7).model_dump_json().encode()}
    await emit_state(counters, first, 1)
    await emit_state(counters, bad, 6, 7, 8)
    await emit_state(counters, last, 2)
    async with running(Relay(counters, log, poll_seconds=0.2)):

        async def went() -> bool:
            return log.numbers(STATES.name) == {str(first): [1], str(bad): [6], str(last): [2]}

        await until(went)
    async with counters.read() as session:
        (letter,) = (await session.execute(dead_letters.listing())).all()
    assert (letter.kind, letter.key, letter.error) == ("outbox", str(bad), "refused")
