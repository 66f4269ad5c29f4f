"""Retention and compaction of the embedded log, the question whether it is empty enough to leave, and its leaving.

A log that was left holds states that grow old, and a reader must not build itself from them when the log is gone back
to. So leaving it takes them away, and their being there says that the log has been in use since.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from shared.db import direct

UPKEEP_LOCK = 0x1A27A1_0C1E

_EXPIRE = """
    DELETE FROM bus_records r USING bus_topics t
    WHERE t.name = r.topic AND NOT t.compacted AND r.at < clock_timestamp() - make_interval(secs => t.retention_seconds)
      AND NOT EXISTS (SELECT FROM bus_cursors c
                      WHERE c.topic = r.topic AND c.partition = r.partition AND c.position <= r."offset")
"""
_COMPACT = """
    DELETE FROM bus_records r USING (
        SELECT b.topic, b.partition, b.key, max(b."offset") AS newest
        FROM bus_records b JOIN bus_topics t ON t.name = b.topic AND t.compacted
        GROUP BY b.topic, b.partition, b.key HAVING count(*) > 1
    ) keep
    WHERE r.topic = keep.topic AND r.partition = keep.partition AND r.key = keep.key AND r."offset" < keep.newest
"""
# A group that has not begun yet is to read all that is there.
_UNDRAINED = """
    WITH readers AS (
        SELECT group_name, topic, partition, position FROM bus_cursors
        UNION ALL
        SELECT n.group_name, p.topic, p.partition, 0
        FROM unnest($1::text[], $2::text[]) AS n(group_name, topic) JOIN bus_partitions p USING (topic)
        WHERE NOT EXISTS (SELECT FROM bus_cursors c
                          WHERE (c.group_name, c.topic, c.partition) = (n.group_name, p.topic, p.partition))
    )
    SELECT q.group_name, q.topic, count(*) AS records
    FROM readers q JOIN bus_records r ON (r.topic, r.partition) = (q.topic, q.partition) AND r."offset" >= q.position
    GROUP BY q.group_name, q.topic ORDER BY 1, 2
"""
_STATES = """
    SELECT r.topic, r.partition, max(r."offset") FROM bus_records r
    JOIN bus_topics t ON t.name = r.topic AND t.compacted GROUP BY r.topic, r.partition
"""
_FORGET_STATES = """
    DELETE FROM bus_records r USING unnest($1::text[], $2::int[], $3::bigint[]) AS told(topic, partition, newest)
    WHERE r.topic = told.topic AND r.partition = told.partition AND r."offset" <= told.newest
"""

States = dict[tuple[str, int], int]
"""The newest record of each partition of a compacted topic that has one."""


@dataclass(frozen=True)
class Backlog:
    """Records that a group has yet to read from a topic."""

    group: str
    topic: str
    records: int


async def clean(connection: asyncpg.Connection) -> tuple[int, int]:
    """Drop expired records that every group has read, and superseded ones of compacted topics, one process at a time.

    Return how many of each.
    """
    async with connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", UPKEEP_LOCK):
            return 0, 0
        await connection.execute("DELETE FROM bus_members WHERE alive_until < clock_timestamp() - interval '1 hour'")
        return _count(await connection.execute(_EXPIRE)), _count(await connection.execute(_COMPACT))


def _count(status: str) -> int:
    return int(status.rsplit(" ", 1)[1])


async def undrained(url: str, readers: Collection[tuple[str, str]] = ()) -> list[Backlog]:
    """Return what the groups of the embedded log, and these `readers` (group, topic), have not read yet.

    Leaving the log for Kafka while this is not empty would lose events, so the switch is refused.
    """
    groups, topics = zip(*readers, strict=True) if readers else ((), ())
    async with _log_at(url) as log:
        return [Backlog(*row) for row in await log.fetch(_UNDRAINED, groups, topics)] if log else []


async def told_states(url: str) -> States:
    """Return where the embedded log holds states; it holds none after it was left."""
    async with _log_at(url) as log:
        return {(topic, partition): newest for topic, partition, newest in await log.fetch(_STATES)} if log else {}


async def forget_states(url: str, told: States) -> None:
    """Take these states away, and those before them. What was told since stays, and says that the log was in use."""
    async with _log_at(url) as log:
        if log and told:
            async with log.transaction():
                await log.execute("SELECT pg_advisory_xact_lock($1)", UPKEEP_LOCK)
                await log.execute(_FORGET_STATES, *zip(*told, strict=True), list(told.values()))


@asynccontextmanager
async def _log_at(url: str) -> AsyncIterator[asyncpg.Connection | None]:
    """A connection to an embedded log that may be another deployment's past; None where there never was one."""
    connection: asyncpg.Connection | None = None
    with suppress(asyncpg.InvalidCatalogNameError):
        connection = await direct.connect(url, "lantai-bus-switch")
    if connection is None:
        yield None
        return
    try:
        made = await connection.fetchval("SELECT to_regclass('bus_cursors')::text")
        yield connection if made else None
    finally:
        await direct.close(connection)
