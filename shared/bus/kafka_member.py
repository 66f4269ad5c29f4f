"""One member of a consumer group on Kafka: which partitions it reads, and how far the group has come in them."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from shared.bus.kafka_door import let_in
from shared.bus.kafka_limits import REQUEST_SECONDS, end, unavailable
from shared.bus.kafka_records import delivered
from shared.bus.transport import Delivered, Position, PositionLost

PIECE_RECORDS = 100
NOT_MINE = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class _Revoked(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is untyped
    """Forgets what was expected of partitions when they go: another member reads on. Tells when others have come."""

    def __init__(self, expected: dict[TopicPartition, int | None]) -> None:
        self._expected = expected
        self.assigned = asyncio.Event()

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._expected.clear()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self.assigned.set()


class KafkaSubscription:
    """See `Subscription`. Connects at the first fetch, so that a broker that is away delays only reading.

    The client's position is behind a record as soon as `getmany` has given it out, and the next commit skips what was
    dropped then. So whatever may fail comes before it, and who drops records after it leaves the group.
    """

    def __init__(self, topics: list[str], config: dict[str, Any]) -> None:
        self._topics = frozenset(topics)
        self._there: frozenset[str] = frozenset()  # those that the client reads
        self._config = config
        self._consumer: AIOKafkaConsumer | None = None
        # The offset that follows what the group has read; None: nothing yet, it begins where the log does.
        self._expected: dict[TopicPartition, int | None] = {}
        self._gaps: list[tuple[TopicPartition, int, int]] = []  # where another one came: compacted away, or expired

    async def leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._expected.clear()
        if consumer is not None:
            await end(consumer.stop())

    async def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._config)
            self._there = frozenset()
            try:
                async with asyncio.timeout(4 * REQUEST_SECONDS):
                    await let_in(consumer.start(), self._config)
                    await self._choose_topics(consumer)
            except BaseException:
                await end(consumer.stop())
                raise
            self._consumer = consumer
        return self._consumer

    async def _choose_topics(self, consumer: AIOKafkaConsumer) -> frozenset[str]:
        """Read, from now on, and return those of the topics that the log has: the client alone would wait for all."""
        there: frozenset[str] = self._topics & await consumer.topics()
        if there and there != self._there:
            self._expected.clear()
            listener = _Revoked(self._expected)
            consumer.subscribe(sorted(there), listener=listener)
            self._there = there
            await listener.assigned.wait()
        return there

    async def absent(self) -> frozenset[str]:
        with unavailable("no topics"):
            consumer = await self._joined()
            async with asyncio.timeout(REQUEST_SECONDS):
                return self._topics - await self._choose_topics(consumer)

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Delivered]:
        with unavailable("nothing fetched"):
            consumer = await self._joined()
            if not self._there:
                await asyncio.sleep(timeout_seconds)
                return []
            await self._ask_committed(consumer)
            async with asyncio.timeout(timeout_seconds + REQUEST_SECONDS):
                found = await self._piece(consumer, max_records, timeout_seconds)
        more = len(found) == PIECE_RECORDS
        while more and len(found) < max_records:
            try:
                await asyncio.sleep(0)  # unpacking is work: others have their turn in between
                async with asyncio.timeout(REQUEST_SECONDS):
                    piece = await self._piece(consumer, max_records - len(found), 0)
            except (KafkaError, OSError):
                break  # what the client has handed out must be given on; the next call tells what is wrong
            except asyncio.CancelledError:
                await self.leave()  # nobody takes what is in hand
                raise
            found += piece
            more = len(piece) == PIECE_RECORDS
        return found

    async def _ask_committed(self, consumer: AIOKafkaConsumer) -> None:
        """Ask where the group stands in partitions that came to us, before anything is read from them."""
        async with asyncio.timeout(REQUEST_SECONDS):
            for place in consumer.assignment() - self._expected.keys():
                self._expected[place] = await consumer.committed(place)

    async def _piece(self, consumer: AIOKafkaConsumer, most: int, timeout_seconds: float) -> list[Delivered]:
        most = min(most, PIECE_RECORDS)
        try:
            parts = await consumer.getmany(timeout_ms=int(timeout_seconds * 1000), max_records=most)
        except KafkaError:
            await self.leave()  # it may have unpacked some partitions before the one that it complains of
            raise
        for place in parts.keys() - self._expected.keys():  # came to us while we waited: ask first, and read it then
            consumer.seek(place, parts.pop(place)[0].offset)
        for place, messages in parts.items():
            self._reached(place, messages[0].offset)
            self._expected[place] = messages[-1].offset + 1
        return [delivered(message) for messages in parts.values() for message in messages]

    def _reached(self, place: TopicPartition, offset: int) -> None:
        """Note it when the next record is not the one that follows; the client skips expired ones without a word."""
        expected = self._expected[place]
        if expected is not None and expected < offset:
            self._gaps.append((place, expected, offset))

    async def missed(self) -> dict[str, int]:
        with unavailable("no beginnings"):
            consumer = await self._joined()
            await self._ask_committed(consumer)
            async with asyncio.timeout(2 * REQUEST_SECONDS):
                for place in consumer.assignment() & self._expected.keys():
                    at = await consumer.position(place)
                    if place in self._expected:  # else it went meanwhile
                        self._reached(place, at)
                        self._expected[place] = at
                gaps = self._gaps.copy()
                first = await consumer.beginning_offsets({place for place, _, _ in gaps}) if gaps else {}
        del self._gaps[: len(gaps)]
        found: dict[str, int] = defaultdict(int)
        for place, expected, reached in gaps:
            # Compaction leaves holes too, but never moves the beginning of the log.
            found[place.topic] += max(min(first[place], reached) - expected, 0)
        return {topic: records for topic, records in found.items() if records}

    async def commit(self, records: Iterable[Delivered]) -> None:
        ends = {TopicPartition(d.record.topic, d.partition): d.offset + 1 for d in records}
        if not ends or self._consumer is None:
            return
        with unavailable("not committed"):
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._consumer.commit(ends)
            except NOT_MINE as lost:
                raise PositionLost(repr(lost)) from lost

    async def seek(self, positions: Iterable[Position]) -> None:
        with unavailable("no seek"):
            consumer = await self._joined()
            for position in positions:
                self._seek(consumer, TopicPartition(position.topic, position.partition), position.offset)

    def _seek(self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
        consumer.seek(place, offset)
        self._expected[place] = offset

    async def seek_to_time(self, at: datetime) -> None:
        with unavailable("no seek"):
            consumer = await self._joined()
            async with asyncio.timeout(2 * REQUEST_SECONDS):
                held = consumer.assignment()
                found = await consumer.offsets_for_times({place: int(at.timestamp() * 1000) for place in held})
                ends = await consumer.end_offsets(list(held))
            for place in held:
                first = found[place]
                self._seek(consumer, place, ends[place] if first is None else first.offset)

    async def lag(self) -> dict[tuple[str, int], int]:
        with unavailable("no lag"):
            consumer = await self._joined()
            async with asyncio.timeout(REQUEST_SECONDS):
                held = list(consumer.assignment())
                ends = await consumer.end_offsets(held) if held else {}
                return {(p.topic, p.partition): ends[p] - await consumer.position(p) for p in held}
