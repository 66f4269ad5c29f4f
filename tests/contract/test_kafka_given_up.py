"""Records that are given up while no broker answers: who sent them has been cut short, and nobody hears more of it."""

import asyncio
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaProducer

from shared.bus.kafka import KafkaTransport
from shared.bus.kafka_publish import dropped
from tests.contract.transport_suite import a_topic, record
from tests.kit.kafka import KafkaBroker


async def waiting_to_be_sent_again(producer: AIOKafkaProducer) -> list[Any]:
    async with asyncio.timeout(20):
        while True:
            batches = chain.from_iterable(producer._message_accumulator._batches.values())
            if held := [batch for batch in batches if batch.retry_count]:
                return held
            await asyncio.sleep(0.001)


async def test_what_a_producer_held_is_dropped_without_an_unheard_error(kafka_broker: KafkaBroker) -> None:
    unheard = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told))
    log, topic = KafkaTransport(kafka_broker.bootstrap), a_topic(partitions=1)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", 0)])
    producer = await log._connected()
    await asyncio.to_thread(kafka_broker.kill9)
    try:
        publishing = asyncio.create_task(log.publish([record(topic, "k", 1)]))
        held = await waiting_to_be_sent_again(producer)
        publishing.cancel()
        await asyncio.wait([publishing])
        await dropped(producer)  # a second time, as when the transport stops meanwhile
        # What the event loop goes by when a future is forgotten.
        assert [future._log_traceback for each in held for future in (each.future, each._drain_waiter)] == [False] * 2
        assert unheard == []
    finally:
        await log.stop()
        await asyncio.to_thread(kafka_broker.restart)
