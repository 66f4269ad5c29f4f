"""The Kafka transport on a real broker, and what only it has: a broker that dies, and settings of topics."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import ProducerFenced

from shared.bus.kafka import KafkaTransport
from shared.bus.kafka_publish import places_of, send_all
from shared.bus.transport import Record, RecordRefused, Superseded, Transport, TransportUnavailable
from tests.contract.kafka_admin import expire, limit, until_set
from tests.contract.rewind_suite import RewindSuite
from tests.contract.transport_suite import TransportSuite, a_topic, closing, nothing_more, numbers, read, record
from tests.kit.kafka import KafkaBroker


class KafkaWorld:
    def __init__(self, bootstrap: str) -> None:
        self.bootstrap = bootstrap
        self.opened: list[Transport] = []

    async def another_process(self) -> KafkaTransport:
        transport = KafkaTransport(self.bootstrap, session_timeout_seconds=6)
        await transport.start()
        self.opened.append(transport)
        return transport


@pytest.fixture
async def world(kafka: str) -> AsyncIterator[KafkaWorld]:
    world = KafkaWorld(kafka)
    async with closing(world.opened):
        yield world


class TestKafka(TransportSuite, RewindSuite):
    """Groups are named `g` throughout, so each topic stands for a group of its own: see `log`."""

    @pytest.fixture
    async def log(self, world: KafkaWorld) -> AsyncIterator[Transport]:
        yield await world.another_process()


async def test_topics_are_created_as_registered(world: KafkaWorld) -> None:
    log = await world.another_process()
    kept, compacted = a_topic(retention_days=3), a_topic(compacted=True, partitions=2)
    await log.ensure_topics([kept, compacted])
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    described = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics([kept.name, compacted.name])}
    resources = [ConfigResource(ConfigResourceType.TOPIC, t.name) for t in (kept, compacted)]
    answers = [await admin.describe_configs([resource]) for resource in resources]
    await admin.close()
    first, second = ({c[0]: c[1] for c in answer[0].resources[0][4]} for answer in answers)
    assert described == {kept.name: 4, compacted.name: 2}
    assert (first["cleanup.policy"], first["retention.ms"]) == ("delete", str(3 * 86_400_000))
    assert (second["cleanup.policy"], second["retention.ms"]) == ("compact", "-1")


async def test_a_changed_registry_changes_topics_that_exist(world: KafkaWorld) -> None:
    """And nothing that an operator has set besides."""
    log, before = await world.another_process(), a_topic(retention_days=3)
    await log.ensure_topics([before])
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    operators = {"cleanup.policy": "delete", "retention.ms": str(3 * 86_400_000), "segment.bytes": "2000000"}
    await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, before.name, operators)])
    await admin.close()
    await until_set(world.bootstrap, before, operators)
    for _ in range(2):
        await log.ensure_topics([replace(before, retention_days=90)])
        await until_set(world.bootstrap, before, operators | {"retention.ms": str(90 * 86_400_000)})
    await log.ensure_topics([replace(before, compacted=True)])
    compacted = {"cleanup.policy": "compact", "retention.ms": "-1"}
    await until_set(world.bootstrap, before, operators | compacted)


async def test_records_that_expired_unread_are_counted(world: KafkaWorld) -> None:
    log, topic = await world.another_process(), a_topic(partitions=1)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", n) for n in range(10)])
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        await subscription.commit((await read(subscription, 10, commit=False))[:4])
        assert await subscription.missed() == {}
    await expire(world.bootstrap, topic, 7)
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert numbers(await read(subscription, 3)) == {"k": [7, 8, 9]}
        assert await subscription.missed() == {topic.name: 3}
        assert await subscription.missed() == {}
    await log.publish([record(topic, "k", 10)])
    await expire(world.bootstrap, topic, 11)
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert await nothing_more(subscription)
        assert await subscription.missed() == {topic.name: 1}
    async with log.subscribe(f"new-{topic.name}", [topic.name]) as subscription:
        assert await nothing_more(subscription)
        assert await subscription.missed() == {}, "a new group begins where the log does"


async def test_a_record_that_is_no_text_is_read_like_any_other(world: KafkaWorld) -> None:
    """A stranger may write it; it must reach the consumer, which parks it, and not stop the group for ever."""
    log, topic = await world.another_process(), a_topic(partitions=1)
    await log.ensure_topics([topic])
    stranger = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await stranger.start()
    await stranger.send_and_wait(topic.name, key=b"k\xff\0", value=None, headers=[("ce_id", b"\xfe"), ("x", None)])
    await stranger.stop()
    await log.publish([record(topic, "k", 1)])
    async with log.subscribe("g", [topic.name]) as subscription:
        strange, good = await read(subscription, 2)
    assert strange.record == Record(topic.name, "k\ufffd\ufffd", {"ce_id": "\ufffd", "x": ""}, b"")
    assert good.record.body == b"1"


async def test_a_record_too_large_for_the_broker_is_refused_and_named(world: KafkaWorld) -> None:
    """It is no absence of the log: tried for ever it would hold up its partition."""
    log, topic = await world.another_process(), a_topic(partitions=2)
    await log.ensure_topics([topic])
    await limit(world.bootstrap, topic, 50_000)
    given = [record(topic, f"k{n}", n, size=60_000 if n == 7 else 0) for n in range(10)]
    with pytest.raises(RecordRefused, match="MessageSizeTooLarge") as told:
        await log.publish(given)
    assert told.value.index == 7
    with pytest.raises(RecordRefused) as told:
        await log.publish(given[7:])
    assert told.value.index == 0
    await log.publish(given[8:])
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        found = {int(one.record.body) for one in await read(subscription, 9)}
        while more := await subscription.fetch(100, 1):
            found |= {int(one.record.body) for one in more}
    assert found == set(range(10)) - {7}


async def test_records_that_are_too_much_together_go_one_by_one(world: KafkaWorld) -> None:
    log, topic = await world.another_process(), a_topic(partitions=1)
    await log.ensure_topics([topic])
    await limit(world.bootstrap, topic, 50_000)
    await log.publish([record(topic, "k", n, size=20_000) for n in range(5)])
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert numbers(await read(subscription, 5)) == {"k": [0, 1, 2, 3, 4]}


async def test_a_sole_publisher_names_the_record_that_the_broker_refuses(world: KafkaWorld) -> None:
    log, topic = await world.another_process(), a_topic(partitions=1, compacted=True)
    await log.ensure_topics([topic])
    await limit(world.bootstrap, topic, 50_000)
    async with log.sole_publisher(topic.name) as publisher:
        with pytest.raises(RecordRefused) as told:
            await publisher.publish([record(topic, f"k{n}", n, size=60_000 if n == 2 else 20_000) for n in range(4)])
    assert told.value.index == 2
    async with log.sole_publisher(topic.name) as publisher:
        await publisher.publish([record(topic, "k", n, size=20_000) for n in range(4)])


def tasks() -> set["asyncio.Task[object]"]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_what_was_given_up_is_not_sent_when_the_broker_is_back(kafka_broker: KafkaBroker) -> None:
    """The relay gives it again: a sender left behind would go on for ever, and send behind newer records."""
    log, topic = KafkaTransport(kafka_broker.bootstrap), a_topic(partitions=1)
    await log.ensure_topics([topic])
    before = tasks()
    await log.publish([record(topic, "k", 0)])
    await asyncio.to_thread(kafka_broker.kill9)
    with pytest.raises(TransportUnavailable):
        await log.publish([record(topic, "k", 1)], timeout_seconds=1)
    left = tasks() - before
    await asyncio.to_thread(kafka_broker.restart)
    await log.publish([record(topic, "k", 2)])
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert numbers(await read(subscription, 2)) == {"k": [0, 2]}
        assert await nothing_more(subscription)
    await log.stop()
    assert {task.get_name() for task in left} == set()


async def test_a_publish_that_is_cancelled_is_given_up(kafka_broker: KafkaBroker) -> None:
    log, topic = KafkaTransport(kafka_broker.bootstrap), a_topic(partitions=1)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", 0)])
    await asyncio.to_thread(kafka_broker.kill9)
    publishing = asyncio.create_task(log.publish([record(topic, "k", 1)]))
    await asyncio.sleep(0.5)
    publishing.cancel()
    await asyncio.wait([publishing])
    await asyncio.to_thread(kafka_broker.restart)
    await log.publish([record(topic, "k", 2)])
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert numbers(await read(subscription, 2)) == {"k": [0, 2]}
    await log.stop()


async def test_a_transaction_left_open_ends_when_the_next_sole_publisher_begins(world: KafkaWorld) -> None:
    """What it had sent is read (it is a fact, and comes again), and what it sends now is refused."""
    frozen, log, topic = await world.another_process(), await world.another_process(), a_topic(compacted=True)
    await log.ensure_topics([topic])
    async with frozen.sole_publisher(topic.name) as older:
        producer = older._producer
        await producer.begin_transaction()
        old = record(topic, "k", 1)
        await send_all(producer, [old], await places_of(producer, [old]), set())
        async with log.sole_publisher(topic.name) as newer:
            with pytest.raises(ProducerFenced):
                await send_all(producer, [old], await places_of(producer, [old]), set())
            with pytest.raises(ProducerFenced):
                await producer.commit_transaction()
            await newer.publish([old, record(topic, "k", 2)])
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert numbers(await read(subscription, 3)) == {"k": [1, 1, 2]}
        assert await nothing_more(subscription)


async def test_a_sole_publisher_and_a_dead_broker(kafka_broker: KafkaBroker) -> None:
    """Every call ends; the broker that comes back knows who was shut out."""
    log, topic = KafkaTransport(kafka_broker.bootstrap), a_topic(compacted=True, partitions=1)
    await log.ensure_topics([topic])
    before = tasks()
    async with log.sole_publisher(topic.name) as older, log.sole_publisher(topic.name) as newer:
        await newer.publish([record(topic, "k", 0)])
        await asyncio.to_thread(kafka_broker.kill9)
        with pytest.raises(TransportUnavailable):
            await newer.publish([record(topic, "k", 1)], timeout_seconds=1)
        with pytest.raises(TransportUnavailable, match="another one has to begin"):
            await newer.publish([record(topic, "k", 1)], timeout_seconds=1)
        began = time.monotonic()
        with pytest.raises(TransportUnavailable):
            async with log.sole_publisher(topic.name):
                pytest.fail("began without a broker")
        assert time.monotonic() - began < 10
        await asyncio.to_thread(kafka_broker.restart)
        with pytest.raises(Superseded):
            await older.publish([record(topic, "k", 2)])
        async with log.sole_publisher(topic.name) as newest:
            await newest.publish([record(topic, "k", 3)])
    assert tasks() == before
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        assert numbers(await read(subscription, 2)) == {"k": [0, 3]}
        assert await nothing_more(subscription)
    await log.stop()


async def test_a_dead_broker_is_no_missing_topic(kafka_broker: KafkaBroker) -> None:
    """The first event of a topic meets a broker that has just died: it waits, and is not set aside as unpublishable."""
    log, used, unused = KafkaTransport(kafka_broker.bootstrap), a_topic(partitions=1), a_topic(partitions=1)
    await log.ensure_topics([used])
    await log.publish([record(used, "k", 1)])
    await log.ensure_topics([unused])
    await asyncio.to_thread(kafka_broker.kill9)
    try:
        with pytest.raises(TransportUnavailable):
            await log.publish([record(unused, "k", 1)])
    finally:
        await log.stop()
        await asyncio.to_thread(kafka_broker.restart)


async def test_with_the_broker_dead_every_call_ends_and_says_so(kafka_broker: KafkaBroker) -> None:
    log, topic = KafkaTransport(kafka_broker.bootstrap, session_timeout_seconds=6), a_topic(partitions=1)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", 0)])
    async with log.subscribe("g", [topic.name]) as subscription:
        batch = await read(subscription, 1, commit=False)
        await asyncio.to_thread(kafka_broker.kill9)
        with pytest.raises(TransportUnavailable):
            await subscription.commit(batch)
        with pytest.raises(TransportUnavailable):
            await subscription.lag()
        with pytest.raises(TransportUnavailable) as unsent:
            await log.publish([record(topic, "k", 1)], timeout_seconds=2)
        assert unsent.value.acknowledged == frozenset()
        with pytest.raises(TransportUnavailable):
            await log.check()
        assert await subscription.fetch(10, 0.5) == []
        await asyncio.to_thread(kafka_broker.restart)
        await log.publish([record(topic, "k", 1)])
        found = numbers(await read(subscription, 1))
        assert found["k"][-1] == 1
        await asyncio.to_thread(kafka_broker.kill9)
        stopping = time.monotonic()
    await log.stop()
    assert time.monotonic() - stopping < 8
    await asyncio.to_thread(kafka_broker.restart)
