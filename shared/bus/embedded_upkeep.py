"""Retention and compaction of the embedded log, and the question whether it is empty enough to leave."""

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
_UNDRAINED = """
    SELECT c.group_name, c.topic, sum(p.next_offset - c.position)::bigint AS records
    FROM bus_cursors c JOIN bus_partitions p USING (topic, partition)
    GROUP BY c.group_name, c.topic HAVING sum(p.next_offset - c.position) > 0 ORDER BY 1, 2
"""


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


async def undrained(url: str) -> list[Backlog]:
    """Return what the groups of the embedded log have not read yet.

    Leaving the log for Kafka while this is not empty would lose events, so the switch is refused.
    """
    connection = await direct.connect(url, "lantai-bus-switch")
    try:
        if not await connection.fetchval("SELECT to_regclass('bus_cursors')::text"):
            return []
        return [Backlog(*row) for row in await connection.fetch(_UNDRAINED)]
    finally:
        await direct.close(connection)
