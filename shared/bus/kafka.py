"""The Kafka transport: with `kafka_topics.py` the only file that knows aiokafka.

Measured hazards it guards against: with the broker gone `commit()` never returns, `getmany()` returns empty without an
error, `stop()` may hang or raise CancelledError. So every call has a limit, and `lag` and `check` ask the broker, so
that readiness can show a dead one. At-least-once delivery and the inbox are enough; Kafka's transactions are not used.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
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

from shared.bus.kafka_topics import ensure
from shared.bus.transport import (
    Delivered,
    Position,
    PositionLost,
    Record,
    TopicMissing,
    TransportUnavailable,
    partition_of,
    refuse_oversized,
)
from shared.events import MAX_EVENT_BYTES, Topic

REQUEST_SECONDS = 5.0
STOP_SECONDS = 1.5
NEW_TOPIC_SECONDS = 1.0  # a topic that was created a moment ago is not known to every broker at once
BATCH_BYTES = MAX_EVENT_BYTES + 20_000  # one record at the limit, with its framing, still fits the broker's 1 MiB
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


async def _end(stopping: Awaitable[None]) -> None:
    """Wait for a client's `stop`, no longer than the limit; what it raises no longer matters."""
    task = asyncio.ensure_future(stopping)
    await asyncio.wait([task], timeout=STOP_SECONDS)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS)
    if task.done() and not task.cancelled():
        task.exception()


@contextmanager
def _unavailable(what: str) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as gone:
        raise TransportUnavailable(f"Kafka: {what}: {gone!r}") from gone


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

    async def start(self) -> None: ...

    async def stop(self) -> None:
        await self._drop_producer()

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._common, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
                )
                try:
                    async with asyncio.timeout(REQUEST_SECONDS):
                        await producer.start()
                except BaseException:
                    await _end(producer.stop())
                    raise
                self._producer = producer
            return self._producer

    async def _drop_producer(self) -> None:
        """Forget the producer with whatever it still holds: the relay gives those rows again to a new one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await _end(producer.stop())

    async def check(self) -> None:
        with _unavailable("no metadata"):
            async with asyncio.timeout(REQUEST_SECONDS):
                producer = await self._connected()
                if not await producer.client.force_metadata_update():
                    raise TransportUnavailable("Kafka: no broker answers")

    async def ensure_topics(self, topics: Iterable[Topic]) -> None:
        admin = AIOKafkaAdminClient(**self._common)
        try:
            with _unavailable("topics not created"):
                async with asyncio.timeout(4 * REQUEST_SECONDS):
                    await admin.start()
                    await ensure(admin, {topic.name: topic for topic in topics}.values())
        finally:
            await _end(admin.close())

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        refuse_oversized(records)
        acknowledged: set[int] = set()
        try:
            with _unavailable("not acknowledged"):
                async with asyncio.timeout(timeout_seconds):
                    await self._send_all(await self._connected(), records, acknowledged)
        except TransportUnavailable as failure:
            # A batch left in the client could be sent after newer ones of another relay: drop it with the client.
            await self._drop_producer()
            raise TransportUnavailable(str(failure), frozenset(acknowledged)) from failure

    async def _send_all(self, producer: AIOKafkaProducer, records: Sequence[Record], acknowledged: set[int]) -> None:
        grouped: dict[TopicPartition, list[int]] = defaultdict(list)
        counts = await _partition_counts(producer, {record.topic for record in records})
        for index, record in enumerate(records):
            grouped[TopicPartition(record.topic, partition_of(record.key, counts[record.topic]))].append(index)
        sends = [_send(producer, place, indices, records, acknowledged) for place, indices in grouped.items()]
        # Every partition gets its chance before the first failure is told: the acknowledged ones are not sent again.
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager["KafkaSubscription"]:
        return self._subscription(group, sorted(topics))

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


async def _partition_counts(producer: AIOKafkaProducer, topics: Collection[str]) -> dict[str, int]:
    """Return how many partitions each topic has. Raises TopicMissing, or TransportUnavailable."""
    client = producer.client
    until = time.monotonic() + NEW_TOPIC_SECONDS
    while missing := [topic for topic in topics if not client.cluster.partitions_for_topic(topic)]:
        for topic in missing:
            client.add_topic(topic)
        # Only a broker that answers can tell that there is no such topic.
        if not await client.force_metadata_update():
            raise TransportUnavailable("Kafka: no broker answers")
        if time.monotonic() > until:
            raise TopicMissing(missing)
        await asyncio.sleep(0.1)
    return {topic: len(client.cluster.partitions_for_topic(topic)) for topic in topics}


async def _send(
    producer: AIOKafkaProducer,
    place: TopicPartition,
    indices: list[int],
    records: Sequence[Record],
    acknowledged: set[int],
) -> None:
    """Send one partition's records, one batch after the other: a later batch never overtakes a failed one."""
    rest = iter(indices)
    index = next(rest, None)
    while index is not None:
        batch, sent = producer.create_batch(), []
        while index is not None and _append(batch, records[index]):
            sent.append(index)
            index = next(rest, None)
        batch.close()
        await (await producer.send_batch(batch, place.topic, partition=place.partition))
        acknowledged.update(sent)


def _append(batch: Any, record: Record) -> bool:
    headers = list(zip(record.headers, map(str.encode, record.headers.values()), strict=True))
    return batch.append(key=record.key.encode(), value=record.body, timestamp=None, headers=headers) is not None


class _Revoked(ConsumerRebalanceListener):  # type: ignore[misc]  # the client is untyped
    """Forgets what was expected of partitions when they go: another member reads on."""

    def __init__(self, expected: dict[TopicPartition, int]) -> None:
        self._expected = expected

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._expected.clear()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None: ...


class KafkaSubscription:
    """See `Subscription`. Connects at the first fetch, so that a broker that is away delays only reading."""

    def __init__(self, topics: list[str], config: dict[str, Any]) -> None:
        self._topics = topics
        self._config = config
        self._consumer: AIOKafkaConsumer | None = None
        self._expected: dict[TopicPartition, int] = {}  # the offset that follows what the group has read
        self._gaps: list[tuple[TopicPartition, int, int]] = []  # where another one came: compacted away, or expired

    async def leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await _end(consumer.stop())

    async def _joined(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._config)
            consumer.subscribe(self._topics, listener=_Revoked(self._expected))
            try:
                async with asyncio.timeout(4 * REQUEST_SECONDS):
                    await consumer.start()
            except BaseException:
                await _end(consumer.stop())
                raise
            self._consumer = consumer
        return self._consumer

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Delivered]:
        with _unavailable("nothing fetched"):
            consumer = await self._joined()
            async with asyncio.timeout(timeout_seconds + REQUEST_SECONDS):
                found = await self._piece(consumer, max_records, timeout_seconds)
        more = len(found) == PIECE_RECORDS
        while more and len(found) < max_records:
            await asyncio.sleep(0)  # unpacking is work: others have their turn in between
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    piece = await self._piece(consumer, max_records - len(found), 0)
            except (KafkaError, OSError):
                break  # what the client has handed out must be given on; the next call tells what is wrong
            found += piece
            more = len(piece) == PIECE_RECORDS
        return found

    async def _piece(self, consumer: AIOKafkaConsumer, most: int, timeout_seconds: float) -> list[Delivered]:
        most = min(most, PIECE_RECORDS)
        parts = await consumer.getmany(timeout_ms=int(timeout_seconds * 1000), max_records=most)
        for place, messages in parts.items():
            await self._reached(consumer, place, messages[0].offset)
            self._expected[place] = messages[-1].offset + 1
        return [_delivered(message) for messages in parts.values() for message in messages]

    async def _reached(self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
        """Note it when the next record is not the one that follows; the client skips expired ones without a word."""
        if place not in self._expected:
            self._expected[place] = offset
            with suppress(KafkaError, OSError):  # it only counts: the records in hand must be given on
                async with asyncio.timeout(REQUEST_SECONDS):
                    committed = await consumer.committed(place)
                self._expected[place] = offset if committed is None else committed
        if self._expected[place] < offset:
            self._gaps.append((place, self._expected[place], offset))

    async def missed(self) -> dict[str, int]:
        with _unavailable("no beginnings"):
            consumer = await self._joined()
            async with asyncio.timeout(2 * REQUEST_SECONDS):
                for place in consumer.assignment():
                    at = await consumer.position(place)
                    await self._reached(consumer, place, at)
                    self._expected[place] = at
                gaps, self._gaps = self._gaps, []
                first = await consumer.beginning_offsets({place for place, _, _ in gaps}) if gaps else {}
        found: dict[str, int] = defaultdict(int)
        for place, expected, reached in gaps:
            # Compaction leaves holes too, but never moves the beginning of the log.
            found[place.topic] += max(min(first[place], reached) - expected, 0)
        return {topic: records for topic, records in found.items() if records}

    async def commit(self, records: Iterable[Delivered]) -> None:
        ends = {TopicPartition(d.record.topic, d.partition): d.offset + 1 for d in records}
        if not ends or self._consumer is None:
            return
        with _unavailable("not committed"):
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    await self._consumer.commit(ends)
            except NOT_MINE as lost:
                raise PositionLost(repr(lost)) from lost

    async def seek(self, positions: Iterable[Position]) -> None:
        with _unavailable("no seek"):
            consumer = await self._joined()
            for position in positions:
                self._seek(consumer, TopicPartition(position.topic, position.partition), position.offset)

    def _seek(self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> None:
        consumer.seek(place, offset)
        self._expected[place] = offset

    async def seek_to_time(self, at: datetime) -> None:
        with _unavailable("no seek"):
            consumer = await self._joined()
            async with asyncio.timeout(2 * REQUEST_SECONDS):
                held = consumer.assignment()
                found = await consumer.offsets_for_times({place: int(at.timestamp() * 1000) for place in held})
                ends = await consumer.end_offsets(list(held))
            for place in held:
                first = found[place]
                self._seek(consumer, place, ends[place] if first is None else first.offset)

    async def lag(self) -> dict[tuple[str, int], int]:
        with _unavailable("no lag"):
            consumer = await self._joined()
            async with asyncio.timeout(REQUEST_SECONDS):
                held = list(consumer.assignment())
                ends = await consumer.end_offsets(held) if held else {}
                return {(p.topic, p.partition): ends[p] - await consumer.position(p) for p in held}


def _text(raw: bytes | None) -> str:
    """Read what should be text; a stranger's bytes become a text that PostgreSQL can keep, for the key to be parked."""
    return (raw or b"").decode(errors="replace").replace("\0", "\ufffd")


def _delivered(message: Any) -> Delivered:
    headers = {name: _text(value) for name, value in message.headers}
    record = Record(message.topic, _text(message.key), headers, message.value or b"")
    return Delivered(record, message.partition, message.offset, datetime.fromtimestamp(message.timestamp / 1000, UTC))
