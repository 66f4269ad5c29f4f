"""The crash matrix on a real Kafka broker, and the broker's own death."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.kit.crash import Arena, CrashServer, reached
from tests.kit.crash import crash_server as make_server
from tests.kit.kafka import KafkaBroker
from tests.system.crash_suite import CrashSuite

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crash-kafka")]


@pytest.fixture(scope="module")
def crash_server() -> Iterator[CrashServer]:
    yield from make_server()


class TestKafka(CrashSuite):
    @pytest.fixture
    def bus(self, kafka_broker: KafkaBroker) -> str:
        return f"kafka {kafka_broker.bootstrap}"

    @pytest.mark.parametrize("accident", ["kill", "pause"])
    async def test_the_broker_is_lost_in_the_middle(
        self, arena: Arena, kafka_broker: KafkaBroker, accident: str
    ) -> None:
        arena.start("relay")
        consumer = arena.start("consumer")
        producer = arena.start("producer", COMMITS="300", PAUSE_SECONDS="0.02")
        await reached(lambda: consumer.worked)
        await asyncio.to_thread(kafka_broker.kill9 if accident == "kill" else kafka_broker.pause)
        await asyncio.sleep(5)
        assert await arena.unpublished()
        await asyncio.to_thread(kafka_broker.restart if accident == "kill" else kafka_broker.resume)
        assert await producer.ended() == 0
        assert len(producer.acknowledged()) == 300
        await arena.settled(90)
