"""The relay's statements on the outbox.

It takes *unpublished* rows, never rows above the last id: a transaction that took a lower id and commits later
would be lost. Rows of one key are written under the lock of their aggregate, so their ids are in commit order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson

from shared.bus.transport import Record
from shared.db.ids import uuid7

CHANNEL = "lantai_outbox"

_UNPUBLISHED = """
    SELECT id, topic, key, headers, body FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1
"""
_UNPUBLISHED_OF_SHARD = """
    SELECT id, topic, key, headers, body FROM outbox
    WHERE published_at IS NULL AND mod(hashtextextended(key, 0) & 2147483647, $2::bigint) = $3 ORDER BY id LIMIT $1
"""
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"
_REFUSE = """
    WITH refused AS (
        UPDATE outbox SET published_at = clock_timestamp() WHERE id = $1 AND published_at IS NULL RETURNING *
    )
    INSERT INTO dead_letters (id, kind, agency_id, event_id, topic, key, headers, body, attempts, error)
    SELECT $2, 'outbox', $4, event_id, topic, key, headers, body, 1, $3 FROM refused
"""


@dataclass(frozen=True)
class Shard:
    """One relay's part of the keys. All relays of a service must agree on `of`."""

    number: int = 0
    of: int = 1


@dataclass(frozen=True)
class OutboxRow:
    id: int
    record: Record


async def unpublished(connection: asyncpg.Connection, shard: Shard, limit: int) -> list[OutboxRow]:
    """Return the oldest unpublished rows of the shard."""
    if shard.of == 1:
        rows = await connection.fetch(_UNPUBLISHED, limit)
    else:
        rows = await connection.fetch(_UNPUBLISHED_OF_SHARD, limit, shard.of, shard.number)
    return [OutboxRow(r["id"], Record(r["topic"], r["key"], orjson.loads(r["headers"]), r["body"])) for r in rows]


async def mark_published(connection: asyncpg.Connection, rows: Sequence[OutboxRow]) -> None:
    """Record that these rows are durable in the log."""
    await connection.execute(_MARK, [row.id for row in rows])


async def refuse(connection: asyncpg.Connection, row: OutboxRow, reason: str) -> None:
    """Set aside, as a dead letter, a row that the log will never take, so that the rows behind it go on."""
    agency = UUID(row.record.headers["ce_agencyid"])
    await connection.execute(_REFUSE, row.id, uuid7(), reason, agency)
