"""The conformance suite of every transport: one set of scenarios, run on memory, embedded and Kafka.

A subclass gives `world`: it makes transports (each as if of another process) on one and the same log.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from shared.bus.transport import (
    Delivered,
    Position,
    PositionLost,
    Record,
    RecordRefused,
    SolePublisherNeeded,
    Subscription,
    Superseded,
    TopicMissing,
    Transport,
    TransportUnavailable,
    partition_of,
)
from shared.events import MAX_EVENT_BYTES, Topic

PATIENCE = 30.0


class World(Protocol):
    """What a subclass offers: `another_process()` is a started transport on the log that all of them share."""

    async def another_process(self) -> Transport: ...


def a_topic(**properties: object) -> Topic:
    return Topic(f"test.{uuid4().hex}", "tests", ("tests",), **{"partitions": 4, **properties})  # type: ignore[arg-type]  # keywords of the dataclass


def record(topic: Topic, key: str, number: int, size: int = 0) -> Record:
    return Record(topic.name, key, {"ce_id": str(uuid4()), "题": "值"}, str(number).encode().ljust(size, b" "))


def numbers(delivered: Iterable[Delivered]) -> dict[str, list[int]]:
    """What was read, per key, in the order of reading."""
    found: dict[str, list[int]] = defaultdict(list)
    for one in delivered:
        found[one.record.key].append(int(one.record.body))
    return dict(found)


async def read(subscription: Subscription, count: int, *, commit: bool = True) -> list[Delivered]:
    """Read until `count` records are there."""
    found: list[Delivered] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            batch = await subscription.fetch(100, 0.5)
            if commit:
                await subscription.commit(batch)
            found += batch
    return found


async def nothing_more(subscription: Subscription) -> bool:
    return not await subscription.fetch(100, 1.0)


async def until_absent(subscription: Subscription, topics: frozenset[str]) -> None:
    """Wait until these are the topics that the log lacks."""
    for _ in range(100):
        if (found := await subscription.absent()) == topics:
            return
        await asyncio.sleep(0.1)
    assert found == topics


class TransportSuite:
    @pytest.fixture
    async def log(self, world: World) -> AsyncIterator[Transport]:
        yield await world.another_process()

    @pytest.fixture
    async def topic(self, log: Transport) -> Topic:
        topic = a_topic()
        await log.ensure_topics([topic])
        return topic

    async def test_what_was_published_is_read_whole(self, log: Transport, topic: Topic) -> None:
        sent = Record(topic.name, "钥匙", {"ce_type": "类型", "ce_id": "1"}, "正文".encode())
        before = datetime.now(UTC)
        await log.publish([sent])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            (got,) = await read(subscription, 1)
        assert got.record == sent
        assert got.partition == partition_of("钥匙", 4)
        assert got.offset == 0
        assert abs(got.at - before) < timedelta(seconds=10)

    async def test_a_topic_that_is_not_there_stops_no_other(self, log: Transport, topic: Topic) -> None:
        """It is told of, and read as soon as somebody creates it."""
        late, group = a_topic(), f"g-{topic.name}"
        await log.publish([record(topic, "k", 1)])
        async with log.subscribe(group, [late.name, topic.name]) as subscription:
            assert numbers(await read(subscription, 1)) == {"k": [1]}
            assert await subscription.absent() == {late.name}
            await log.ensure_topics([late])
            await log.publish([record(late, "k", 2), record(topic, "k", 3)])
            await until_absent(subscription, frozenset())
            assert sorted(int(one.record.body) for one in await read(subscription, 2)) == [2, 3]
        async with log.subscribe(f"new-{group}", [a_topic().name]) as subscription:
            assert await nothing_more(subscription)
            assert len(await subscription.absent()) == 1

    async def test_order_holds_per_key(self, log: Transport, topic: Topic) -> None:
        for start in range(0, 200, 50):
            await log.publish([record(topic, f"k{n % 7}", n) for n in range(start, start + 50)])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            found = numbers(await read(subscription, 200))
        assert found == {f"k{k}": [n for n in range(200) if n % 7 == k] for k in range(7)}

    async def test_order_holds_with_several_publishers(self, world: World, log: Transport, topic: Topic) -> None:
        publishers = [await world.another_process() for _ in range(4)]

        async def publish(publisher: Transport, key: str) -> None:
            for n in range(30):
                await publisher.publish([record(topic, key, 2 * n), record(topic, key, 2 * n + 1)])

        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            sending = asyncio.gather(*(publish(p, f"k{i}") for i, p in enumerate(publishers)))
            found = numbers(await read(subscription, 240))
            await sending
        assert found == {f"k{i}": list(range(60)) for i in range(4)}

    async def test_each_group_reads_everything(self, log: Transport, topic: Topic) -> None:
        await log.publish([record(topic, "k", n) for n in range(5)])
        for group in ("g1", "g2"):
            async with log.subscribe(f"{group}-{topic.name}", [topic.name]) as subscription:
                assert numbers(await read(subscription, 5)) == {"k": [0, 1, 2, 3, 4]}

    async def test_a_restart_goes_on_from_the_committed_position(self, log: Transport, topic: Topic) -> None:
        await log.publish([record(topic, "k", n) for n in range(6)])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            first = await read(subscription, 6, commit=False)
            await subscription.commit(first[:4])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            assert numbers(await read(subscription, 2)) == {"k": [4, 5]}
            assert await nothing_more(subscription)

    async def test_what_was_not_committed_is_delivered_again(self, log: Transport, topic: Topic) -> None:
        await log.publish([record(topic, "k", n) for n in range(3)])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            await read(subscription, 3, commit=False)
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            assert numbers(await read(subscription, 3)) == {"k": [0, 1, 2]}

    async def test_members_of_one_group_share_the_partitions(self, world: World, log: Transport, topic: Topic) -> None:
        async with AsyncExitStack() as stack:
            members = [
                await stack.enter_async_context(
                    (await world.another_process()).subscribe(f"g-{topic.name}", [topic.name])
                )
                for _ in range(2)
            ]
            await self._balanced(members, partitions=4)
            await log.publish([record(topic, f"k{n % 20}", n) for n in range(100)])
            parts = await asyncio.gather(*(self._drain(member) for member in members))
        both = numbers(parts[0]).keys() & numbers(parts[1]).keys()
        assert both == set()
        assert all(parts), "each member read something"
        assert numbers(parts[0]) | numbers(parts[1]) == {f"k{k}": list(range(k, 100, 20)) for k in range(20)}

    async def test_a_member_that_leaves_is_replaced(self, world: World, log: Transport, topic: Topic) -> None:
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as staying:
            async with (await world.another_process()).subscribe(f"g-{topic.name}", [topic.name]) as leaving:
                await self._balanced([staying, leaving], partitions=4)
            await log.publish([record(topic, f"k{n}", n) for n in range(40)])
            assert len({d.record.key for d in await read(staying, 40)}) == 40

    async def test_a_rebalance_in_the_middle_of_a_batch_loses_nothing(
        self, world: World, log: Transport, topic: Topic
    ) -> None:
        await log.publish([record(topic, f"k{n % 20}", n) for n in range(100)])
        found: list[Delivered] = []
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as first:
            found += await read(first, 1, commit=False)  # fetched, not committed
            async with (await world.another_process()).subscribe(f"g-{topic.name}", [topic.name]) as second:
                parts = await asyncio.gather(self._drain(first, 8), self._drain(second, 8))
        seen = {int(d.record.body) for d in [*found, *parts[0], *parts[1]]}
        assert seen == set(range(100))

    async def test_reading_again_from_a_position(self, log: Transport, topic: Topic) -> None:
        await log.publish([record(topic, "k", n) for n in range(10)])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            await read(subscription, 10)
            await subscription.seek([Position(topic.name, partition_of("k", 4), 7)])
            assert numbers(await read(subscription, 3)) == {"k": [7, 8, 9]}

    async def test_reading_again_from_a_time(self, log: Transport, topic: Topic) -> None:
        await log.publish([record(topic, f"k{n % 5}", n) for n in range(10)])
        await asyncio.sleep(0.05)
        middle = datetime.now(UTC)
        await asyncio.sleep(0.05)
        await log.publish([record(topic, f"k{n % 5}", n) for n in range(10, 15)])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            await read(subscription, 15)
            await subscription.seek_to_time(middle)
            assert numbers(await read(subscription, 5)) == {f"k{n}": [10 + n] for n in range(5)}
            assert await nothing_more(subscription)

    async def test_a_record_published_twice_is_delivered_twice(self, log: Transport, topic: Topic) -> None:
        twice = record(topic, "k", 1)
        await log.publish([twice])
        await log.publish([twice])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            assert [d.record for d in await read(subscription, 2)] == [twice, twice]

    async def test_a_record_of_one_megabyte_is_refused_by_the_producer(self, log: Transport, topic: Topic) -> None:
        batch = [record(topic, "k", 1), record(topic, "k", 2, size=1_000_001), record(topic, "k", 3)]
        with pytest.raises(RecordRefused, match="exceeds 1000000") as refusal:
            await log.publish(batch)
        assert refusal.value.index == 1
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            assert await nothing_more(subscription)

    async def test_the_limit_counts_bytes_also_of_key_and_headers(self, log: Transport, topic: Topic) -> None:
        with pytest.raises(RecordRefused, match="exceeds 1000000"):
            await log.publish([Record(topic.name, "k", {"题": "值" * 400_000}, b"")])

    async def test_a_record_just_below_the_limit_passes(self, log: Transport, topic: Topic) -> None:
        small = record(topic, "k", 1)
        sent = record(topic, "k", 1, size=MAX_EVENT_BYTES - small.size)
        await log.publish([sent, small])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            assert len((await read(subscription, 2))[0].record.body) == len(sent.body)

    async def test_a_topic_that_nobody_created_is_missing_until_it_is(self, log: Transport, topic: Topic) -> None:
        late = a_topic()
        with pytest.raises(TopicMissing) as told:
            await log.publish([record(topic, "k", 1), record(late, "k", 1)])
        assert told.value.topics == {late.name}
        await log.ensure_topics([late])
        await log.publish([record(late, "k", 2)])
        async with log.subscribe(f"g-{topic.name}", [topic.name, late.name]) as subscription:
            assert numbers(await read(subscription, 1)) == {"k": [2]}

    async def test_creating_topics_again_changes_nothing(self, log: Transport, topic: Topic) -> None:
        await log.publish([record(topic, "k", n) for n in range(3)])
        await log.ensure_topics([topic, topic])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            assert numbers(await read(subscription, 3)) == {"k": [0, 1, 2]}

    async def test_a_new_group_reads_a_compacted_topic_from_the_beginning(self, log: Transport) -> None:
        topic = a_topic(compacted=True, partitions=2)
        await log.ensure_topics([topic])
        async with log.sole_publisher(topic.name) as publisher:
            await publisher.publish([record(topic, f"k{n % 3}", n) for n in range(9)])
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            found = numbers(await read(subscription, 3))
            assert {key: part[-1] for key, part in found.items()} == {"k0": 6, "k1": 7, "k2": 8}

    async def test_only_a_sole_publisher_appends_to_a_compacted_topic(self, log: Transport, topic: Topic) -> None:
        compacted = a_topic(compacted=True)
        await log.ensure_topics([compacted])
        with pytest.raises(SolePublisherNeeded) as told:
            await log.publish([record(topic, "k", 1), record(compacted, "k", 1)])
        assert told.value.topics == {compacted.name}
        await log.publish([record(topic, "k", 2)])
        async with log.subscribe(f"g-{topic.name}", [topic.name, compacted.name]) as subscription:
            assert numbers(await read(subscription, 1)) == {"k": [2]}
            assert await nothing_more(subscription)

    async def test_an_older_publisher_of_a_name_appends_nothing_once_a_newer_one_has_begun(
        self, world: World, log: Transport, topic: Topic
    ) -> None:
        """The older one has published before, or not yet; another name is another matter."""
        compacted, other, name = a_topic(compacted=True), await world.another_process(), uuid4().hex
        await log.ensure_topics([compacted])
        async with log.sole_publisher(name) as older, other.sole_publisher(f"{name}-not") as stranger:
            await older.publish([record(compacted, "k", n) for n in range(3)])
            async with other.sole_publisher(name) as newer:
                with pytest.raises(Superseded):
                    await older.publish([record(compacted, "k", 3), record(topic, "k", 3)])
                await newer.publish([record(compacted, "k", 4)])
                await stranger.publish([record(compacted, "other", 0)])
                await newer.publish([record(compacted, "k", 5)])
        async with log.sole_publisher(name) as unused, other.sole_publisher(name) as newest:
            await newest.publish([record(compacted, "k", 6)])
            with pytest.raises(TransportUnavailable):
                await unused.publish([record(compacted, "k", 7)])
        async with log.subscribe(f"g-{compacted.name}", [topic.name, compacted.name]) as subscription:
            assert numbers(await read(subscription, 7)) == {"k": [0, 1, 2, 4, 5, 6], "other": [0]}
            assert await nothing_more(subscription)
            assert sum((await subscription.lag()).values()) == 0

    async def test_a_sole_publisher_refuses_like_any_other_and_goes_on(self, log: Transport) -> None:
        compacted, late = a_topic(compacted=True), a_topic(compacted=True)
        await log.ensure_topics([compacted])
        async with log.sole_publisher(compacted.name) as publisher:
            with pytest.raises(RecordRefused):
                await publisher.publish([record(compacted, "k", 1, size=1_000_001)])
            with pytest.raises(TopicMissing):
                await publisher.publish([record(compacted, "k", 1), record(late, "k", 1)])
            await publisher.publish([record(compacted, "k", 2)])
        async with log.subscribe(f"g-{compacted.name}", [compacted.name]) as subscription:
            assert numbers(await read(subscription, 1)) == {"k": [2]}
            assert await nothing_more(subscription)

    async def test_topics_that_hold_nothing_are_named(self, log: Transport, topic: Topic) -> None:
        compacted, late = a_topic(compacted=True), a_topic()
        names = [topic.name, compacted.name, late.name]
        await log.ensure_topics([compacted])
        assert await log.empty(names) == set(names)
        await log.publish([record(topic, "k", 1)])
        assert await log.empty(names) == {compacted.name, late.name}
        async with log.sole_publisher(compacted.name) as publisher:
            await publisher.publish([record(compacted, "k", 1)])
        assert await log.empty(names) == {late.name}
        assert await log.empty([]) == frozenset()

    async def test_lag_is_what_lies_between_position_and_end(self, log: Transport, topic: Topic) -> None:
        async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
            await self._balanced([subscription], partitions=4)
            await log.publish([record(topic, f"k{n}", n) for n in range(30)])
            assert sum((await subscription.lag()).values()) == 30
            await read(subscription, 30)
            assert sum((await subscription.lag()).values()) == 0

    async def test_it_answers_a_check(self, log: Transport) -> None:
        await log.check()

    async def _drain(self, subscription: Subscription, rounds: int = 4) -> list[Delivered]:
        """Read and commit until nothing has come for a while."""
        found: list[Delivered] = []
        quiet = 0
        while quiet < rounds:
            batch = await subscription.fetch(100, 0.5)
            quiet = 0 if batch else quiet + 1
            found += batch
            try:
                await subscription.commit(batch)
            except PositionLost:
                continue
        return found

    async def _balanced(self, members: list[Subscription], partitions: int) -> None:
        """Wait until every partition is held, by as many members as there are."""
        async with asyncio.timeout(PATIENCE):
            while True:
                await asyncio.gather(*(member.fetch(1, 0.1) for member in members))
                held = [set(await member.lag()) for member in members]
                if all(held) and len(set.union(*held)) == sum(map(len, held)) == partitions:
                    return


@asynccontextmanager
async def closing(opened: list[Transport]) -> AsyncIterator[None]:
    """Stop every transport that a world has made."""
    try:
        yield
    finally:
        for transport in opened:
            await transport.stop()
