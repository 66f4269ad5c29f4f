"""A reader whose broker falls silent between two requests: nothing that it holds is lost, and nothing is skipped."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from shared.bus.kafka import KafkaTransport
from shared.bus.transport import Delivered, Subscription, TransportUnavailable
from tests.contract.transport_suite import a_topic, read, record, until_absent
from tests.kit.kafka import KafkaBroker

pytestmark = pytest.mark.timeout(180)
PREFETCH_SECONDS = 1.5


async def read_to_the_end(subscription: Subscription) -> list[Delivered]:
    """Read and commit, through whatever the log complains of, until nothing more comes."""
    found: list[Delivered] = []
    quiet = 0
    async with asyncio.timeout(90):
        while quiet < 5:
            try:
                batch = await subscription.fetch(500, 0.5)
                await subscription.commit(batch)
            except TransportUnavailable:
                continue
            found += batch
            quiet = 0 if batch else quiet + 1
    return found


@pytest.mark.parametrize("many", [8, 400])
async def test_a_broker_that_freezes_after_its_answer_costs_no_record(kafka_broker: KafkaBroker, many: int) -> None:
    """The client has the records and gives them out; what we ask the broker besides must not drop them."""
    log, topic = KafkaTransport(kafka_broker.bootstrap, session_timeout_seconds=30), a_topic(partitions=4)
    await log.ensure_topics([topic])
    await log.publish([record(topic, f"k{n % 20}", n) for n in range(many)])
    found = []
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        await subscription.lag()
        await asyncio.sleep(PREFETCH_SECONDS)
        kafka_broker.pause()
        try:
            found += await subscription.fetch(500, 0.5)
        except TransportUnavailable:
            pass
        finally:
            kafka_broker.resume()
        found += await read_to_the_end(subscription)
        behind = sum((await subscription.lag()).values())
    await log.stop()
    assert sorted({int(one.record.body) for one in found}) == list(range(many))
    assert behind == 0


async def test_a_fetch_that_is_cancelled_takes_nothing_with_it(kafka: str) -> None:
    """Cut between two pieces: what it had in hand is read again by who goes on with the subscription."""
    log, topic = KafkaTransport(kafka, session_timeout_seconds=6), a_topic(partitions=2)
    await log.ensure_topics([topic])
    await log.publish([record(topic, f"k{n % 20}", n) for n in range(1000)])
    found: list[Delivered] = []
    async with log.subscribe(topic.name, [topic.name]) as subscription:
        await subscription.lag()
        await asyncio.sleep(PREFETCH_SECONDS)
        found += await read(subscription, 1)
        fetching = asyncio.create_task(subscription.fetch(1000, 0.5))
        await asyncio.sleep(0)  # it has its first piece
        fetching.cancel()
        await asyncio.wait([fetching])
        assert fetching.cancelled()
        found += await read_to_the_end(subscription)
    await log.stop()
    assert sorted({int(one.record.body) for one in found}) == list(range(1000))


async def test_a_partition_that_comes_in_the_middle_of_a_fetch_is_read_whole(kafka: str) -> None:
    log, topic = KafkaTransport(kafka, session_timeout_seconds=6), a_topic(partitions=4)
    await log.ensure_topics([topic])
    async with log.subscribe(topic.name, [topic.name]) as staying:
        async with log.subscribe(topic.name, [topic.name]) as leaving:
            await asyncio.gather(*(read_to_the_end(member) for member in (staying, leaving)))
            await log.publish([record(topic, f"k{n}", n) for n in range(100)])
            taken = await read(leaving, 1, commit=False)
            fetching = asyncio.create_task(read_to_the_end(staying))
            await asyncio.sleep(1)
        found = await fetching + await read_to_the_end(staying)
    await log.stop()
    assert taken
    assert sorted({int(one.record.body) for one in found}) == list(range(100))


async def test_a_record_of_no_time_at_all_is_read_like_any_other(kafka: str) -> None:
    log, topic = KafkaTransport(kafka), a_topic(partitions=1)
    await log.ensure_topics([topic])
    stranger = AIOKafkaProducer(bootstrap_servers=kafka)
    await stranger.start()
    await stranger.send_and_wait(topic.name, key=b"k", value=b"1", timestamp_ms=-(2**60))
    await stranger.stop()
    async with log.subscribe("g", [topic.name]) as subscription:
        (strange,) = await read(subscription, 1)
    await log.stop()
    assert (strange.record.body, strange.at.year) == (b"1", 1970)


async def test_a_topic_that_is_deleted_while_it_is_read_stops_no_other(kafka: str) -> None:
    log, gone, kept = KafkaTransport(kafka, session_timeout_seconds=6), a_topic(partitions=2), a_topic(partitions=2)
    await log.ensure_topics([gone, kept])
    await log.publish([record(gone, "k", 1), record(kept, "k", 2)])
    async with log.subscribe(kept.name, [gone.name, kept.name]) as subscription:
        await read(subscription, 2)
        assert await subscription.absent() == frozenset()
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
        await admin.start()
        await admin.delete_topics([gone.name])
        await admin.close()
        await until_absent(subscription, frozenset([gone.name]))
        await log.publish([record(kept, "k", 3)])
        (found,) = await read_to_the_end(subscription)
        assert found.record.body == b"3"
        assert (await subscription.lag()).keys() == {(kept.name, 0), (kept.name, 1)}
    await log.stop()
