"""The embedded transport: a durable partitioned log in PostgreSQL (`lantai_bus`), for offices without a Kafka.

Several processes append and read. An append is one transaction, so it is acknowledged whole or not at all. A sole
publisher's holds a share lock on the row of its name, and the next one raises the term there: it waits for an append
under way (a frozen one ends with its transaction's time limit), and none of the older term comes after it.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.bus.embedded_member import EmbeddedSubscription
from shared.bus.embedded_rewind import rewind
from shared.bus.embedded_upkeep import clean
from shared.bus.transport import (
    Publisher,
    Record,
    SolePublisherNeeded,
    Superseded,
    TopicMissing,
    TransportUnavailable,
    partition_of,
    refuse_oversized,
)
from shared.bus.wakeup import Listener
from shared.db import direct
from shared.events import Topic
from shared.telemetry.reasons import in_words

CHANNEL = "lantai_bus"
UPKEEP_SECONDS = 300.0
STOP_SECONDS = 1.5

_ADD_TOPIC = """
    INSERT INTO bus_topics VALUES ($1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE SET retention_seconds = excluded.retention_seconds, compacted = excluded.compacted
    RETURNING partitions
"""
_ADD_PARTITIONS = """
    INSERT INTO bus_partitions (topic, partition) SELECT $1, generate_series(0, $2::int - 1) ON CONFLICT DO NOTHING
"""
_LOCK = """
    SELECT p.topic, p.partition, p.next_offset
    FROM bus_partitions p JOIN unnest($1::text[], $2::int[]) AS wanted(topic, partition) USING (topic, partition)
    ORDER BY p.topic, p.partition FOR UPDATE OF p
"""
_ADVANCE = """
    UPDATE bus_partitions p SET next_offset = p.next_offset + added.count
    FROM unnest($1::text[], $2::int[], $3::bigint[]) AS added(topic, partition, count)
    WHERE p.topic = added.topic AND p.partition = added.partition
"""
# Not COPY: a process that is frozen in the middle of one holds its locks for ever, no timeout ends it.
_ADD_RECORDS = """
    INSERT INTO bus_records (topic, partition, "offset", key, headers, body)
    SELECT * FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[], $6::bytea[])
"""
_EMPTY = """
    SELECT name FROM unnest($1::text[]) AS wanted(name)
    WHERE NOT EXISTS (SELECT FROM bus_records r WHERE r.topic = wanted.name)
"""
_BEGIN_TERM = """
    INSERT INTO bus_publishers VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET term = bus_publishers.term + 1
    RETURNING term
"""
_TERM = "SELECT term FROM bus_publishers WHERE name = $1 FOR SHARE"


@dataclass(frozen=True)
class Known:
    """What the log says of a topic."""

    partitions: int
    compacted: bool


class EmbeddedTransport:
    """See `Transport`. `lease_seconds` is how long a silent member keeps its partitions."""

    def __init__(self, url: str, *, name: str = "lantai", lease_seconds: float = 10, pool_size: int = 4) -> None:
        self.url = url
        self.lease_seconds = lease_seconds
        self._name = f"{name}-bus"
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._topics: dict[str, Known] = {}
        self._listener = Listener(url, CHANNEL, f"{name}-bus-listen")
        self._upkeep: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            direct.dsn(self.url),
            min_size=0,
            max_size=self._pool_size,
            timeout=direct.CONNECT_SECONDS,
            command_timeout=direct.COMMAND_SECONDS,
            server_settings={
                "application_name": self._name,
                "timezone": "UTC",
                "jit": "off",
                # A process frozen between two statements keeps a partition, or its group, no longer than a lease.
                "idle_in_transaction_session_timeout": str(int(self.lease_seconds * 1000)),
            },
        )
        self._listener.start()
        self._upkeep = asyncio.create_task(self._keep_up(), name="bus-upkeep")

    async def stop(self) -> None:
        if self._upkeep is not None:
            self._upkeep.cancel()
        await asyncio.gather(self._listener.stop(), self._close_pool())

    async def _close_pool(self) -> None:
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), STOP_SECONDS)
            except direct.UNREACHABLE:
                self._pool.terminate()
            self._pool = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Take a pooled connection; everything a dead server can raise becomes TransportUnavailable."""
        if (pool := self._pool) is None:
            raise TransportUnavailable("the embedded log is not started")
        try:
            connection = await pool.acquire(timeout=direct.CONNECT_SECONDS)
            try:
                yield connection
            finally:
                # A silent server lets go of nobody for seconds; who is cut meanwhile hears no more of it, nor the log.
                releasing = asyncio.ensure_future(pool.release(connection))
                releasing.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
                await asyncio.shield(releasing)
        except direct.UNREACHABLE as gone:
            raise TransportUnavailable(f"the embedded log does not answer: {in_words(gone, repr(gone))}") from gone

    async def check(self) -> None:
        async with self.connection() as connection:
            await connection.fetchval("SELECT 1")

    async def ensure_topics(self, topics: Iterable[Topic]) -> None:
        async with self.connection() as connection, connection.transaction():
            for topic in sorted(topics, key=lambda t: t.name):
                retention = None if topic.compacted else topic.retention_days * 86_400
                partitions = await connection.fetchval(
                    _ADD_TOPIC, topic.name, topic.partitions, retention, topic.compacted
                )
                await connection.execute(_ADD_PARTITIONS, topic.name, partitions)
        self._topics = {}

    async def empty(self, topics: Iterable[str]) -> frozenset[str]:
        async with self.connection() as connection:
            return frozenset(row["name"] for row in await connection.fetch(_EMPTY, list(topics)))

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        await self.append(records, timeout_seconds, None)

    @asynccontextmanager
    async def sole_publisher(self, name: str) -> AsyncIterator[Publisher]:
        async with self.connection() as connection:
            term = await connection.fetchval(_BEGIN_TERM, name)
        yield EmbeddedPublisher(self, Term(name, term))

    async def append(self, records: Sequence[Record], timeout_seconds: float, term: "Term | None") -> None:
        """Append for a sole publisher in its term, or for anybody."""
        refuse_oversized(records)
        if not records:
            return
        try:
            async with asyncio.timeout(timeout_seconds), self.connection() as connection:
                await self._know(connection, records)
                if term is None and (needed := {r.topic for r in records if self._topics[r.topic].compacted}):
                    raise SolePublisherNeeded(needed)
                grouped: dict[tuple[str, int], list[Record]] = defaultdict(list)
                for record in records:
                    partition = partition_of(record.key, self._topics[record.topic].partitions)
                    grouped[record.topic, partition].append(record)
                async with connection.transaction():
                    if term is not None and await connection.fetchval(_TERM, term.name) != term.number:
                        raise Superseded(f"a newer publisher {term.name} has begun")
                    await _append(connection, grouped)
                # After the commit: a NOTIFY inside it would make every append in the cluster queue for one lock.
                with suppress(*direct.UNREACHABLE):
                    await self._listener.notify(connection, sorted({record.topic for record in records}))
        except TimeoutError as late:
            raise TransportUnavailable(f"the embedded log did not answer in {timeout_seconds} s") from late

    async def _know(self, connection: asyncpg.Connection, records: Sequence[Record]) -> None:
        """Learn once what the log says of its topics. Raises TopicMissing."""
        wanted = {record.topic for record in records}
        if wanted - self._topics.keys():
            rows = await connection.fetch("SELECT name, partitions, compacted FROM bus_topics")
            self._topics = {row["name"]: Known(row["partitions"], row["compacted"]) for row in rows}
        if missing := wanted - self._topics.keys():
            raise TopicMissing(missing)

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager[EmbeddedSubscription]:
        return self._subscription(group, frozenset(topics))

    async def rewind(self, group: str, topics: Collection[str], at: datetime | None) -> dict[str, int]:
        async with self.connection() as connection:
            return await rewind(connection, group, topics, at)

    @asynccontextmanager
    async def _subscription(self, group: str, topics: frozenset[str]) -> AsyncIterator[EmbeddedSubscription]:
        member = EmbeddedSubscription(self.connection, self._listener, group, topics, self.lease_seconds)
        member.start()
        try:
            yield member
        finally:
            await member.leave()

    async def _keep_up(self) -> None:
        while True:
            await asyncio.sleep(UPKEEP_SECONDS)
            with suppress(TransportUnavailable):
                async with self.connection() as connection:
                    await clean(connection)


@dataclass(frozen=True)
class Term:
    """The time in which one publisher is the only one of its name."""

    name: str
    number: int


class EmbeddedPublisher:
    """See `Transport.sole_publisher`."""

    def __init__(self, log: EmbeddedTransport, term: Term) -> None:
        self._log = log
        self._term = term

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        await self._log.append(records, timeout_seconds, self._term)


async def _append(connection: asyncpg.Connection, grouped: dict[tuple[str, int], list[Record]]) -> None:
    topics, partitions = [topic for topic, _ in grouped], [partition for _, partition in grouped]
    rows: list[tuple[str, int, int, str, str, bytes]] = []
    for start in await connection.fetch(_LOCK, topics, partitions):
        place = start["topic"], start["partition"]
        for offset, record in enumerate(grouped[place], start["next_offset"]):
            rows.append((*place, offset, record.key, json.dumps(dict(record.headers)), record.body))
    await connection.execute(_ADVANCE, topics, partitions, [len(part) for part in grouped.values()])
    await connection.execute(_ADD_RECORDS, *zip(*rows, strict=True))
