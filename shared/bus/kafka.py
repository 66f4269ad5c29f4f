"""The Kafka transport: it and the `kafka_*` files beside it are the only ones that know aiokafka.

Measured hazards it guards against: with the broker gone `commit()` never returns, `getmany()` returns empty without an
error, `stop()` may hang or raise CancelledError. So every call has a limit, and `lag` and `check` ask the broker, so
that readiness can show a dead one. At-least-once delivery and the inbox are enough; Kafka's transactions serve only
as a fence, on compacted topics (`kafka_publish.py`).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from shared.bus.kafka_door import let_in
from shared.bus.kafka_limits import REQUEST_SECONDS, end, unavailable
from shared.bus.kafka_member import KafkaSubscription
from shared.bus.kafka_publish import BatchRefused, SolePublisher, dropped, opened, places_of, send_all
from shared.bus.kafka_rewind import rewind
from shared.bus.kafka_topics import compacted, empty, ensure
from shared.bus.transport import (
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
                    await let_in(admin.start(), self._common)
                    await ensure(admin, {topic.name: topic for topic in topics}.values())
                    self._compacted = {}
        finally:
            await end(admin.close())

    async def empty(self, topics: Iterable[str]) -> frozenset[str]:
        admin, consumer = AIOKafkaAdminClient(**self._common), AIOKafkaConsumer(**self._common)
        try:
            with unavailable("topics not looked at"):
                async with asyncio.timeout(2 * REQUEST_SECONDS):
                    await let_in(admin.start(), self._common)
                    await let_in(consumer.start(), self._common)
                    return await empty(admin, consumer, set(topics))
        finally:
            await end(admin.close())
            await end(consumer.stop())

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        refuse_oversized(records)
        if (producer := self._producer) is None:
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

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager[KafkaSubscription]:
        return self._subscription(group, sorted(topics))

    async def rewind(self, group: str, topics: Collection[str], at: datetime | None) -> dict[str, int]:
        admin = AIOKafkaAdminClient(**self._common)
        consumer = AIOKafkaConsumer(**self._common, group_id=group, enable_auto_commit=False)
        try:
            with unavailable("positions not moved"):
                async with asyncio.timeout(4 * REQUEST_SECONDS):
                    await let_in(admin.start(), self._common)
                    await let_in(consumer.start(), self._common)
                    return await rewind(admin, consumer, group, topics, at)
        finally:
            await end(admin.close())
            await end(consumer.stop())

    @asynccontextmanager
    async def _subscription(self, group: str, topics: list[str]) -> AsyncIterator[KafkaSubscription]:
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
