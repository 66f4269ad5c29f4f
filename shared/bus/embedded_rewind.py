"""Moves the positions of a group of the embedded log that nobody reads for: back, never forward."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime

import asyncpg

from shared.bus.transport import GroupActive, TopicMissing

_ALIVE = "SELECT count(*) FROM bus_members WHERE group_name = $1 AND alive_until > clock_timestamp()"
# What is unread stays so: a time after what is committed moves nothing, and who has never read begins at the beginning.
_STARTS = """
    SELECT p.topic, p.partition, p.next_offset, least(c.position, coalesce(
        (SELECT min(r."offset") FROM bus_records r
         WHERE r.topic = p.topic AND r.partition = p.partition
           AND (c.position IS NULL OR $2::timestamptz IS NULL OR r.at >= $2)),
        p.next_offset)) AS position
    FROM bus_partitions p
    LEFT JOIN bus_cursors c ON (c.group_name, c.topic, c.partition) = ($3, p.topic, p.partition)
    WHERE p.topic = ANY($1::text[])
"""
# A member that was frozen for longer than its lease is the owner no more: its commit comes too late.
_MOVE = """
    INSERT INTO bus_cursors AS c (group_name, topic, partition, position)
    SELECT $1, s.topic, s.partition, s.position
    FROM unnest($2::text[], $3::int[], $4::bigint[]) AS s(topic, partition, position)
    ON CONFLICT (group_name, topic, partition)
    DO UPDATE SET position = excluded.position, owner = NULL, lease_until = NULL
    WHERE c.owner IS NULL OR c.lease_until < clock_timestamp()
    RETURNING 1
"""


async def rewind(
    connection: asyncpg.Connection, group: str, topics: Collection[str], at: datetime | None
) -> dict[str, int]:
    """See `Transport.rewind`. All positions move, or none."""
    async with connection.transaction():
        starts = await connection.fetch(_STARTS, list(topics), at, group)
        if missing := set(topics) - {row["topic"] for row in starts}:
            raise TopicMissing(missing)
        columns = [[row[name] for row in starts] for name in ("topic", "partition", "position")]
        moved = await connection.fetch(_MOVE, group, *columns)
        if len(moved) < len(starts) or await connection.fetchval(_ALIVE, group):
            raise GroupActive(group)
    ahead = Counter(dict.fromkeys(topics, 0))
    for row in starts:
        ahead[row["topic"]] += row["next_offset"] - row["position"]
    return dict(ahead)
