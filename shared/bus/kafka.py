"""The Kafka transport: it and the `kafka_*` files beside it are the only ones that know aiokafka.

Measured hazards it guards against: with the broker gone `commit()` never returns, `getmany()` returns empty without an
error, `stop()` may hang or raise CancelledError. So every call has a limit, and `lag` and `check` ask the broker, so
that readiness can show a dead one. At-least-once delivery and the inbox are enough; Kafka's transactions serve only
as a fence, on compacted topics (`kafka_publish.py`).
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)

from shared.bus.kafka_limits import REQUEST_SECONDS, end, unavailable
from shared.bus.kafka_publish import BatchRefused, SolePublisher, dropped, opened, places_of, send_all
from shared.bus.kafka_records import delivered
from shared.bus.kafka_rewind import rewind
from shared.bus.kafka_topics import compacted, empty, ensure
from shared.bus.transport import (
    Delivered,
    Position,
    PositionLost,
    Record,
    RecordRefused,
    SolePublisherNeeded,
    TransportUnavailable,
    refuse_oversized,
)
from shared.events import Topic

# A partition whose records were not taken yet is left out of the next request, and there is one request at a time: new
# records there wait until it is answered, with the others' records or with none after this time (by default 500 ms).
FETCH_WAIT_MS = 100
PIECE_RECORDS = 100
NOT_MINE = (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class KafkaTransport:
    """See `Transport`. `options` are passed to every client (security_protocol, sasl_*, ssl_context)."""

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        name: str = "lantai",
        session_timeout_seconds: float = 10,
        options: dict[str, Any] | None = None,
    ) -> None:
        self._name = name
        self._common = {
            "bootstrap_servers": bootstrap_servers.split(","),
            "client_id": name,
            "request_timeout_ms": int(REQUEST_SECONDS * 1000),
            **(options or {}),
        }
        self._session_timeout_seconds = session_timeout_seconds
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._compacted: dict[str, bool] = {}

    async def start(self) -> None: ...

    async def stop(self) -> None:
        if self._producer is not None:
            await self._drop(self._producer)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                self._producer = await opened(self._common)
            return self._producer

    async def _drop(self, producer: AIOKafkaProducer) -> None:
        """End a producer; if it is the one in use, the next call makes another and learns of the topics anew."""
        if self._producer is producer:
            self._producer, self._compacted = None, {}
        await dropped(producer)

    async def check(self) -> None:
        with unavailable("no metadata"):
            async with asyncio.timeout(REQUEST_SECONDS):
                producer = await self._connected()
                if not await producer.client.force_metadata_update():
                    raise TransportUnavailable("Kafka: no broker answers")

    async def ensure_topics(self, topics: Iterable[Topic]) -> None:
        admin = AIOKafkaAdminClient(**self._common)
        try:
            with unavailable("topics not created"):
                async with asyncio.timeout(4 * REQUEST_SECONDS):
                    await admin.start()
                    await ensure(admin, {topic.name: topic for topic in topics}.values())
                    self._compacted = {}
        finally:
            await end(admin.close())

    async def empty(self, topics: Iterable[str]) -> frozenset[str]:
        admin, consumer = AIOKafkaAdminClient(**self._common), AIOKafkaConsumer(**self._common)
        try:
            with unavailable("topics not looked at"):
                async with asyncio.timeout(2 * REQUEST_SECONDS):
                    await admin.start()
                    await consumer.start()
                    return await empty(admin, consumer, set(topics))
        finally:
            await end(admin.close())
            await end(consumer.stop())

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        refuse_oversized(records)
        with unavailable("no producer"):
            async with asyncio.timeout(timeout_seconds):
                producer = await self._connected()
        acknowledged: set[int] = set()
        try:
            with unavailable("not acknowledged"):
                async with asyncio.timeout(timeout_seconds):
                    places = await places_of(producer, records)
                    await self._refuse_compacted(producer, {place.topic for place in places})
                    await send_all(producer, records, places, acknowledged)
        except BatchRefused as refused:
            await self._drop(producer)
            if len(records) == 1:
                raise refused.of_one() from refused
            await self._publish_one_by_one(records, acknowledged, timeout_seconds)
        except TransportUnavailable as failure:
            # A batch left in the client could be sent after newer ones of another relay: drop it with the client.
            await self._drop(producer)
            raise TransportUnavailable(str(failure), frozenset(acknowledged)) from failure
        except asyncio.CancelledError:
            await self._drop(producer)
            raise

    async def _publish_one_by_one(
        self, records: Sequence[Record], acknowledged: set[int], timeout_seconds: float
    ) -> None:
        """Find the record that the broker refuses; what comes before it is acknowledged on the way."""
        until = time.monotonic() + timeout_seconds
        for index in sorted(set(range(len(records))) - acknowledged):
            try:
                await self.publish([records[index]], until - time.monotonic())
            except RecordRefused as refusal:
                raise RecordRefused(index, str(refusal)) from refusal
            except TransportUnavailable as failure:
                raise TransportUnavailable(str(failure), frozenset(acknowledged)) from failure
            acknowledged.add(index)

    async def _refuse_compacted(self, producer: AIOKafkaProducer, topics: set[str]) -> None:
        """The log knows which topics it compacts; it is asked once for each."""
        if unknown := topics - self._compacted.keys():
            self._compacted |= await compacted(producer.client, unknown)
        if needed := {topic for topic in topics if self._compacted[topic]}:
            raise SolePublisherNeeded(needed)

    @asynccontextmanager
    async def sole_publisher(self, name: str) -> AsyncIterator[SolePublisher]:
        with unavailable("no sole publisher"):
            producer = await opened(self._common, transactional_id=name)
        try:
            yield SolePublisher(producer)
        finally:
            await dropped(producer)

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager["KafkaSubscription"]:
        return self._subscription(group, sorted(topics))

    async def rewind(self, group: str, topics: Collection[str], at: datetime | None) -> dict[str, int]:
        admin = AIOKafkaAdminClient(**self._common)
        consumer = AIOKafkaConsumer(**self._common, group_id=group, enable_auto_commit=False)
        try:
            with unavailable("positions not moved"):
                async with asyncio.timeout(4 * REQUEST_SECONDS):
                    await admin.start()
                    await consumer.start()
                    return await rewind(admin, consumer, group, topics, at)
        finally:
            await end(admin.close())
            await end(consumer.stop())

    @asynccontextmanager
    async def _subscription(self, group: str, topics: list[str]) -> AsyncIterator["KafkaSubscription"]:
        session_ms = int(self._session_timeout_seconds * 1000)
        member = KafkaSubscription(
            topics,
            self._common
            | {
                "group_id": group,
                "enable_auto_commit": False,
                "auto_offset_reset": "earliest",
                "session_timeout_ms": session_ms,
                "heartbeat_interval_ms": session_ms // 4,
                "metadata_max_age_ms": 30_000,
                "fetch_max_wait_ms": FETCH_WAIT_MS,
                "request_timeout_ms": max(session_ms + 2_000, int(REQUEST_SECONDS * 1000)),
            },
        )
        try:
            yield member
        finally:
            await member.leave()


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
                    await consumer.start()
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
            async with asyncio.timeout(4 * REQUEST_SECONDS):
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
