"""With a broker that is dead, or frozen, every call ends within its limit and says so, and loses nothing by it.

The calls that publish, fetch and commit are in `test_transport_kafka.py`; here are the others.
"""

import asyncio
import time
from collections.abc import Awaitable
from datetime import UTC, datetime

import pytest

from shared.bus.kafka import KafkaTransport
from shared.bus.kafka_limits import REQUEST_SECONDS, STOP_SECONDS
from shared.bus.transport import Subscription, TransportUnavailable
from shared.events import Topic
from tests.contract.kafka_admin import expire
from tests.contract.transport_suite import a_topic, numbers, read, record
from tests.kit.kafka import KafkaBroker

pytestmark = pytest.mark.timeout(180)
END_SECONDS = 2 * STOP_SECONDS  # of a client that was made for the one call
SLACK_SECONDS = 1.0
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


async def refused_in_time(call: Awaitable[object], limit_seconds: float) -> None:
    began = time.monotonic()
    with pytest.raises(TransportUnavailable):
        await call
    assert time.monotonic() - began < limit_seconds + SLACK_SECONDS


async def questions_are_refused(member: Subscription) -> None:
    """One after the other: a member is used by one task at a time."""
    await refused_in_time(member.absent(), REQUEST_SECONDS)
    await refused_in_time(member.missed(), 3 * REQUEST_SECONDS)
    await refused_in_time(member.seek_to_time(LONG_AGO), 2 * REQUEST_SECONDS)


async def joining_is_refused(log: KafkaTransport, topic: Topic) -> None:
    async with log.subscribe(f"new-{topic.name}", [topic.name]) as member:
        await refused_in_time(member.absent(), 4 * REQUEST_SECONDS + END_SECONDS)


@pytest.mark.parametrize("accident", ["kill", "pause"])
async def test_every_call_ends_within_its_limit_and_says_so(kafka_broker: KafkaBroker, accident: str) -> None:
    log, topic = KafkaTransport(kafka_broker.bootstrap, session_timeout_seconds=6), a_topic(partitions=1)
    await log.ensure_topics([topic])
    await log.publish([record(topic, "k", n) for n in range(10)])
    async with log.subscribe(topic.name, [topic.name]) as member:
        await member.commit((await read(member, 10, commit=False))[:4])
    await expire(kafka_broker.bootstrap, topic, 7)
    async with log.subscribe(topic.name, [topic.name]) as member:
        assert numbers(await read(member, 3)) == {"k": [7, 8, 9]}
        await asyncio.to_thread(kafka_broker.kill9 if accident == "kill" else kafka_broker.pause)
        try:
            await asyncio.gather(
                questions_are_refused(member),
                joining_is_refused(log, topic),
                refused_in_time(log.ensure_topics([topic]), 4 * REQUEST_SECONDS + END_SECONDS),
                refused_in_time(log.empty([topic.name]), 2 * REQUEST_SECONDS + 2 * END_SECONDS),
                refused_in_time(log.rewind("nobody", [topic.name], None), 4 * REQUEST_SECONDS + 2 * END_SECONDS),
            )
        finally:
            await asyncio.to_thread(kafka_broker.restart if accident == "kill" else kafka_broker.resume)
        await log.publish([record(topic, "k", 10)])
        assert numbers(await read(member, 1, commit=False))["k"][-1] == 10
        assert await member.absent() == frozenset()
        missed = await member.missed()
        assert accident == "kill" or missed == {topic.name: 3}  # one killed so soon forgets what it has dropped
    await log.stop()
