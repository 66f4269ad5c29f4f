"""The relay's statements on the outbox.

It takes *unpublished* rows, never rows above the last id: a transaction that took a lower id and commits later
would be lost. Rows of one key are written under the lock of their aggregate, so their ids are in commit order.

A row that the log refuses stays where it is, and its key waits behind it until somebody decides its dead letter:
replayed, it is tried again in its place; discarded, the rows behind it go on.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import asyncpg
import orjson

from shared.bus.incoming import agency_of
from shared.bus.transport import Record
from shared.db.ids import uuid7
from shared.events import MAX_EVENT_BYTES

CHANNEL = "lantai_outbox"
BATCH_BYTES = 8_000_000
FEW_ROWS = BATCH_BYTES // MAX_EVENT_BYTES
"""So many are no larger than a batch may be, whatever they hold."""

_OLDEST = """
    SELECT id, topic, key, headers, body FROM outbox
    WHERE published_at IS NULL AND topic <> ALL($2::text[]) AND (topic, key) NOT IN (
        SELECT topic, key FROM dead_letters WHERE kind = 'outbox' AND decided_at IS NULL AND topic IS NOT NULL
    ) {of_shard} ORDER BY id LIMIT $1
"""
# The sizes are summed without reading the bodies, so that a thousand rows at the limit are no gigabyte in memory.
_MEASURED = f"""
    SELECT id, topic, key, headers, body FROM (
        SELECT *, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body) AS bytes_before
        FROM ({_OLDEST}) AS oldest
    ) AS measured WHERE bytes_before < {BATCH_BYTES} ORDER BY id
"""
_OF_SHARD = "AND mod(hashtextextended(key, 0) & 2147483647, $3::bigint) = $4"
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"
_REFUSE = """
    INSERT INTO dead_letters (id, kind, agency_id, event_id, topic, key, headers, body, attempts, error)
    SELECT $2, 'outbox', $4, event_id, topic, key, headers, body, 1, $3 FROM outbox
    WHERE id = $1 AND published_at IS NULL
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


async def unpublished(
    connection: asyncpg.Connection, shard: Shard, limit: int, but: Collection[str] = ()
) -> list[OutboxRow]:
    """Return the oldest unpublished rows of the shard that may go now, but those of some topics.

    They are no more than `limit`, and the last one begins below `BATCH_BYTES`.
    """
    of_shard, values = (_OF_SHARD, (shard.of, shard.number)) if shard.of > 1 else ("", ())
    of_any_size = _OLDEST if limit <= FEW_ROWS else _MEASURED
    rows = await connection.fetch(of_any_size.format(of_shard=of_shard), limit, list(but), *values)
    return [OutboxRow(r["id"], Record(r["topic"], r["key"], orjson.loads(r["headers"]), r["body"])) for r in rows]


async def mark_published(connection: asyncpg.Connection, rows: Sequence[OutboxRow]) -> None:
    """Record that these rows are durable in the log."""
    await connection.execute(_MARK, [row.id for row in rows])


async def refuse(connection: asyncpg.Connection, row: OutboxRow, reason: str) -> None:
    """Make a dead letter of a row that the log will never take; its key waits behind it, the others go on."""
    await connection.execute(_REFUSE, row.id, uuid7(), reason, agency_of(row.record.headers))
