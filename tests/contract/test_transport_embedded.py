"""The embedded log on a real PostgreSQL, and what only it has: leases, retention, compaction, drained or not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import asyncpg
import pytest

from shared.bus.embedded import EmbeddedTransport
from shared.bus.embedded_schema import migrate_bus
from shared.bus.embedded_upkeep import Backlog, clean, forget_states, told_states, undrained
from shared.bus.transport import Delivered, PositionLost, Transport, TransportUnavailable
from shared.db import direct
from tests.contract.rewind_suite import RewindSuite
from tests.contract.transport_suite import PATIENCE, TransportSuite, World, a_topic, closing, numbers, read, record
from tests.kit.postgres import Builder

LEASE_SECONDS = 1.5


class EmbeddedWorld:
    def __init__(self, url: str) -> None:
        self.url = url
        self.opened: list[Transport] = []

    async def another_process(self) -> EmbeddedTransport:
        transport = EmbeddedTransport(self.url, lease_seconds=LEASE_SECONDS)
        await transport.start()
        self.opened.append(transport)
        return transport


@pytest.fixture
def bus_url(fresh_database: Callable[[str, Builder], str]) -> str:
    return fresh_database("bus", migrate_bus)


@pytest.fixture
async def world(bus_url: str) -> AsyncIterator[EmbeddedWorld]:
    world = EmbeddedWorld(bus_url)
    async with closing(world.opened):
        yield world


@pytest.fixture
async def connection(bus_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await direct.connect(bus_url, "test")
    yield connection
    await direct.close(connection)


class TestEmbedded(TransportSuite, RewindSuite):
    async def test_a_member_stopped_for_longer_than_its_lease_cannot_commit(self, world: World) -> None:
        first, second = await world.another_process(), await world.another_process()
        topic = a_topic(partitions=1)
        await first.ensure_topics([topic])
        await first.publish([record(topic, "k", n) for n in range(3)])
        async with (
            first.subscribe(f"g-{topic.name}", [topic.name]) as stopped,
            second.subscribe(f"g-{topic.name}", [topic.name]) as other,
        ):
            batch = await read(stopped, 3, commit=False)
            stopped._heartbeat.cancel()  # type: ignore[attr-defined]  # a stopped process sends no heartbeat
            await asyncio.sleep(LEASE_SECONDS + 0.2)
            assert numbers(await read(other, 3)) == {"k": [0, 1, 2]}
            with pytest.raises(PositionLost):
                await stopped.commit(batch)

    async def test_a_long_batch_keeps_its_lease(self, world: World) -> None:
        first, second = await world.another_process(), await world.another_process()
        topic = a_topic(partitions=1)
        await first.ensure_topics([topic])
        await first.publish([record(topic, "k", 1)])
        async with first.subscribe("g", [topic.name]) as slow:
            batch = await read(slow, 1, commit=False)
            async with second.subscribe("g", [topic.name]) as other:
                assert await other.fetch(10, 2 * LEASE_SECONDS) == []
                await slow.commit(batch)


async def test_expired_records_go_and_the_rest_keep_their_offsets(
    world: EmbeddedWorld, connection: asyncpg.Connection
) -> None:
    log, topic = await world.another_process(), a_topic(partitions=1, retention_days=30)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", n) for n in range(4)])
    await connection.execute('UPDATE bus_records SET at = at - $1::interval WHERE "offset" < 2', timedelta(days=31))
    assert await clean(connection) == (2, 0)
    async with log.subscribe("late", [topic.name]) as subscription:
        found = await read(subscription, 2)
    assert [(d.offset, int(d.record.body)) for d in found] == [(2, 2), (3, 3)]


async def test_what_a_group_has_not_read_does_not_expire(world: EmbeddedWorld, connection: asyncpg.Connection) -> None:
    log, topic = await world.another_process(), a_topic(partitions=1, retention_days=30)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", n) for n in range(4)])
    async with log.subscribe("away", [topic.name]) as subscription:
        found = await read(subscription, 4, commit=False)
        await subscription.commit(found[:1])
    await connection.execute("UPDATE bus_records SET at = at - $1::interval", timedelta(days=31))
    assert await clean(connection) == (1, 0)
    async with log.subscribe("away", [topic.name]) as subscription:
        assert numbers(await read(subscription, 3)) == {"k": [1, 2, 3]}
    assert await clean(connection) == (3, 0)


@pytest.mark.parametrize("held", ["partition", "group"])
async def test_a_process_frozen_in_the_middle_of_its_transaction_loses_what_it_held(
    world: EmbeddedWorld, held: str
) -> None:
    """SIGSTOP in an append or a rebalance: its session ends, and the others go on."""
    frozen, log, topic = await world.another_process(), await world.another_process(), a_topic(partitions=1)
    await log.ensure_topics([topic])
    async with asyncio.timeout(LEASE_SECONDS + 5):
        with pytest.raises(TransportUnavailable):
            async with frozen.connection() as session, session.transaction():
                if held == "partition":
                    await session.execute("SELECT FROM bus_partitions WHERE topic = $1 FOR UPDATE", topic.name)
                else:
                    await session.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", "bus:g")
                await log.publish([record(topic, "k", 1)])
                async with log.subscribe("g", [topic.name]) as subscription:
                    assert numbers(await read(subscription, 1)) == {"k": [1]}
                await session.execute("SELECT 1")


async def test_compaction_keeps_the_newest_of_each_key(world: EmbeddedWorld, connection: asyncpg.Connection) -> None:
    log, compacted, plain = await world.another_process(), a_topic(compacted=True), a_topic()
    await log.ensure_topics([compacted, plain])
    async with log.sole_publisher("tests") as publisher:
        await publisher.publish([record(t, f"k{n % 3}", n) for n in range(9) for t in (compacted, plain)])
    await connection.execute("UPDATE bus_records SET at = at - interval '29 days'")
    assert await clean(connection) == (0, 6)
    async with log.subscribe("new-service", [compacted.name]) as subscription:
        assert numbers(await read(subscription, 3)) == {"k0": [6], "k1": [7], "k2": [8]}
    async with log.subscribe("new-service", [plain.name]) as subscription:
        assert len(await read(subscription, 9)) == 9


async def test_what_a_group_has_not_read_is_named_before_a_switch(world: EmbeddedWorld) -> None:
    log, topic = await world.another_process(), a_topic()
    await log.ensure_topics([topic])
    async with log.subscribe("slow", [topic.name]) as subscription:
        await subscription.fetch(1, 0)
        await log.publish([record(topic, f"k{n}", n) for n in range(5)])
        assert await undrained(world.url) == [Backlog("slow", topic.name, 5)]
        await read(subscription, 5)
        assert await undrained(world.url) == []


async def test_states_that_are_left_go_and_what_is_told_after_that_says_so(world: EmbeddedWorld) -> None:
    log, states, plain = await world.another_process(), a_topic(compacted=True, partitions=1), a_topic()
    await log.ensure_topics([states, plain])
    await log.publish([record(plain, "k", 0)])
    assert await told_states(world.url) == {}
    async with log.sole_publisher("tests") as publisher:
        await publisher.publish([record(states, f"k{n}", n) for n in range(3)])
        told = await told_states(world.url)
        assert told == {(states.name, 0): 2}
        await publisher.publish([record(states, "late", 3)])
    await forget_states(world.url, told)
    assert await told_states(world.url) == {(states.name, 0): 3}
    async with log.subscribe("new-service", [states.name, plain.name]) as subscription:
        assert numbers(await read(subscription, 2)) == {"late": [3], "k": [0]}


async def test_migrating_again_changes_nothing(bus_url: str) -> None:
    await asyncio.gather(migrate_bus(bus_url), migrate_bus(bus_url))
    await EmbeddedTransport(bus_url).stop()


async def test_a_dead_database_is_said_at_once() -> None:
    log = EmbeddedTransport("postgresql://nobody@127.0.0.1:1/none")
    await log.start()
    try:
        async with asyncio.timeout(5):
            with pytest.raises(TransportUnavailable):
                await log.check()
    finally:
        await log.stop()


async def test_large_records_come_in_several_fetches(world: EmbeddedWorld) -> None:
    log, topic = await world.another_process(), a_topic()
    await log.ensure_topics([topic])
    for n in range(5):
        await log.publish([record(topic, f"k{k}", n, size=900_000) for k in range(6)])
    async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
        batches: list[list[Delivered]] = []
        async with asyncio.timeout(PATIENCE):
            while sum(map(len, batches)) < 30:
                batches.append(await subscription.fetch(500, 0.5))
    assert max(sum(len(one.record.body) for one in batch) for batch in batches) < 10_000_000
    assert numbers(one for batch in batches for one in batch) == {f"k{k}": list(range(5)) for k in range(6)}
