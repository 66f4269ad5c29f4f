"""The relay and compacted topics, which keep a key's last record: it begins as their sole publisher, then reads."""

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from shared.bus.memory import MemoryTransport
from shared.bus.outbox import Shard
from shared.bus.relay import Relay
from shared.bus.transport import Publisher, TransportUnavailable
from shared.db.engine import Database
from shared.db.spine import outbox
from tests.kit.spine import COUNTERS, SYSTEM, Counted, emit, running, some_ids, until

STATES = replace(COUNTERS, name="test.states", compacted=True)


class Log(MemoryTransport):
    """A log in which things can happen as soon as a sole publisher has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.after_begin: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def sole_publisher(self, name: str) -> AsyncIterator[Publisher]:
        self.names.append(name)
        async with super().sole_publisher(name) as publisher:
            if self.after_begin is not None:
                await self.after_begin()
            yield publisher

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
    await emit(db, subject, *numbers)
    async with db.write(SYSTEM) as uow:
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
