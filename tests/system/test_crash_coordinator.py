"""Two brokers, of which the one that coordinates the group dies and comes back: who coordinates it moves twice.

So do the leaders of the partitions, of events and of states (compacted, which have a sole publisher) alike.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from shared.db.ids import uuid7
from tests.kit.crash import Arena, Child, CrashServer
from tests.kit.crash import crash_server as make_server
from tests.kit.kafka import KafkaBroker
from tests.kit.spine import until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crash-coordinator")]
REPLICATED = {
    "default.replication.factor": "2",
    "offsets.topic.replication.factor": "2",
    "transaction.state.log.replication.factor": "2",
    # A broker that is back leads again what it led before, within seconds and not five minutes.
    "leader.imbalance.check.interval.seconds": "1",
}
STAYS, DIES = 1, 2


@pytest.fixture(scope="module")
def crash_server() -> Iterator[CrashServer]:
    yield from make_server()


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaBroker, KafkaBroker]]:
    """The first is the controller, too, so it is the second that may die."""
    directory = Path(tmp_path_factory.mktemp("kafka"))
    first = KafkaBroker(directory / "first")
    second = KafkaBroker(directory / "second", first)
    for broker in (first, second):
        broker.settings = REPLICATED
        broker.start()
    yield first, second
    second.stop()
    first.stop()


@pytest.fixture
async def arena(crash_server: CrashServer, brokers: tuple[KafkaBroker, KafkaBroker]) -> AsyncIterator[Arena]:
    servers = ",".join(broker.bootstrap for broker in brokers)
    arena = await asyncio.to_thread(Arena, crash_server, f"kafka {servers}")
    await until(lambda: _brokers(arena, 2), 30)
    while await _coordinator(arena) != DIES:
        arena.topic = f"test.{uuid7().hex}"
    yield arena
    await asyncio.to_thread(arena.close)


async def _admin(arena: Arena) -> AIOKafkaAdminClient:
    servers = arena.bus.removeprefix("kafka ").split(",")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=2000)  # it may ask the dead one
    await admin.start()
    return admin


async def _brokers(arena: Arena, count: int) -> bool:
    admin = await _admin(arena)
    try:
        return len((await admin.describe_cluster())["brokers"]) == count
    finally:
        await admin.close()


async def _coordinator(arena: Arena) -> int:
    """The broker that coordinates the consumers' group; 0 while there is none."""
    admin = await _admin(arena)
    try:
        return int(await admin.find_coordinator(f"group-of-{arena.topic}"))
    except (KafkaError, TimeoutError):
        await asyncio.sleep(0.2)
        return 0
    finally:
        await admin.close()


async def _is_coordinated_by(arena: Arena, broker: int) -> bool:
    return await _coordinator(arena) == broker


async def _goes_on(arena: Arena, producer: Child) -> None:
    """Wait until more has taken effect than is committed now."""
    wanted = len(producer.acknowledged()) + 20

    async def has() -> bool:
        return sum((await arena.counts(arena.target_url)).values()) >= wanted

    await until(has, 60)


@pytest.mark.parametrize("compacted", [False, True])
async def test_the_coordinator_of_the_group_dies_and_comes_back(
    arena: Arena, brokers: tuple[KafkaBroker, KafkaBroker], compacted: bool
) -> None:
    await arena.open(compacted=compacted)
    _, second = brokers
    for role in ("relay", "consumer", "consumer"):
        arena.start(role)
    producer = arena.start("producer", COMMITS="100000", PAUSE_SECONDS="0.02")
    await _goes_on(arena, producer)
    assert await _is_coordinated_by(arena, DIES)
    await asyncio.to_thread(second.kill9)
    await until(lambda: _is_coordinated_by(arena, STAYS), 30)
    await _goes_on(arena, producer)
    await asyncio.to_thread(second.restart)
    await until(lambda: _is_coordinated_by(arena, DIES), 60)
    await _goes_on(arena, producer)
    producer.signal(signal.SIGKILL)
    await producer.ended()
    await arena.settled()
