"""The conformance suite's part about sending a group back; `TransportSuite` brings the log and the topic."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from shared.bus.transport import GroupActive, TopicMissing, Transport
from shared.events import Topic
from tests.contract.transport_suite import nothing_more, read, record


class RewindSuite:
    async def test_a_group_that_nobody_reads_for_is_sent_back(self, log: Transport, topic: Topic) -> None:
        group = f"g-{topic.name}"
        await log.publish([record(topic, f"k{n}", n) for n in range(10)])
        async with log.subscribe(group, [topic.name]) as subscription:
            first = await read(subscription, 10)
            with pytest.raises(GroupActive, match=group):
                await log.rewind(group, [topic.name], None)
        await asyncio.sleep(0.05)
        moment = max(d.at for d in first) + timedelta(milliseconds=20)
        await log.publish([record(topic, f"k{n}", n) for n in range(10, 15)])
        async with log.subscribe(group, [topic.name]) as subscription:
            await read(subscription, 5)
            assert await nothing_more(subscription)
        for at, wanted in ((None, range(15)), (moment, range(10, 15)), (moment + timedelta(days=1), range(0))):
            assert await log.rewind(group, [topic.name], at) == {topic.name: len(wanted)}
            async with log.subscribe(group, [topic.name]) as subscription:
                again = await read(subscription, len(wanted))
                assert sorted(int(d.record.body) for d in again) == list(wanted)
                assert await nothing_more(subscription)
                assert await subscription.missed() == {}

    async def test_a_group_that_is_sent_back_passes_nothing_over(self, log: Transport, topic: Topic) -> None:
        """A time after what is unread, by a typing error say, moves no position; one who never read reads all."""
        group, later = f"g-{topic.name}", datetime.now(UTC) + timedelta(days=365)
        await log.publish([record(topic, f"k{n}", n) for n in range(10)])
        assert await log.rewind(group, [topic.name], later) == {topic.name: 10}
        async with log.subscribe(group, [topic.name]) as subscription:
            await read(subscription, 10)
        await log.publish([record(topic, f"k{n}", n) for n in range(10, 15)])
        assert await log.rewind(group, [topic.name], later) == {topic.name: 5}
        async with log.subscribe(group, [topic.name]) as subscription:
            assert sorted(int(d.record.body) for d in await read(subscription, 5)) == list(range(10, 15))
            assert await nothing_more(subscription)

    async def test_a_group_is_not_sent_back_in_a_topic_that_does_not_exist(self, log: Transport, topic: Topic) -> None:
        with pytest.raises(TopicMissing, match="unheard"):
            await log.rewind(f"g-{topic.name}", [topic.name, "test.unheard.of"], None)
