"""The test broker keeps what it acknowledged through every way of dying, and stays where it was."""

import asyncio
import os
import time
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.kit.kafka import KafkaBroker, KafkaDidNotStart

pytestmark = pytest.mark.timeout(120)


async def make_topic(bootstrap: str) -> str:
    topic = f"test.{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
        assert all(error[1] == 0 for error in answer.topic_errors), answer
    finally:
        await admin.close()
    return topic


async def send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        await asyncio.wait_for(producer.send_and_wait(topic, value), 30)
    finally:
        await producer.stop()


async def read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_the_shared_broker_carries_events(kafka: str) -> None:
    topic = await make_topic(kafka)
    await send(kafka, topic, "登记".encode())
    assert await read(kafka, topic, 1) == ["登记".encode()]


async def test_acknowledged_records_survive_kill_9_on_the_same_ports(kafka_broker: KafkaBroker) -> None:
    topic, address = await make_topic(kafka_broker.bootstrap), kafka_broker.bootstrap
    await send(address, topic, b"before")
    kafka_broker.kill9()
    assert not kafka_broker.answers()
    kafka_broker.restart()
    assert kafka_broker.bootstrap == address
    await send(address, topic, b"after")
    assert await read(address, topic, 2) == [b"before", b"after"]


async def test_a_restart_in_order_keeps_records(kafka_broker: KafkaBroker) -> None:
    topic, first = await make_topic(kafka_broker.bootstrap), kafka_broker.pid
    await send(kafka_broker.bootstrap, topic, b"kept")
    kafka_broker.restart()
    assert kafka_broker.pid != first
    assert await read(kafka_broker.bootstrap, topic, 1) == [b"kept"]


def test_a_paused_broker_is_silent_and_a_resumed_one_answers(kafka_broker: KafkaBroker) -> None:
    kafka_broker.pause()
    assert not kafka_broker.answers(seconds=1)
    kafka_broker.resume()
    limit = time.monotonic() + 20
    while not kafka_broker.answers():
        assert time.monotonic() < limit
        time.sleep(0.1)


def test_the_broker_has_a_process_session_of_its_own(kafka_broker: KafkaBroker) -> None:
    assert os.getsid(kafka_broker.pid) == kafka_broker.pid != os.getsid(0)


def test_a_broker_that_cannot_start_says_why(kafka_broker: KafkaBroker, tmp_path: Path) -> None:
    second = KafkaBroker(tmp_path / "kafka")
    second.port = kafka_broker.port
    with pytest.raises(KafkaDidNotStart, match="Address already in use"):
        second.start()
