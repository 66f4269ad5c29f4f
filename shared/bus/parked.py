"""Parked keys: a failing event stops its own key and no other.

`parked_keys` holds one row per key that stands still, with its attempts and the time of the next one (none: a dead
letter waits for a decision); `parked_events` holds the key's events in order, the failing one first. Invariant: a key
has parked events exactly while it has its row. Who adds a follower holds the row shared; who takes the last event
away holds it exclusively and looks again before deleting it, so no follower is left behind.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update

from shared.bus.incoming import Incoming
from shared.bus.transport import Record
from shared.db.clock import BUSINESS_NOW
from shared.db.sessions import AnySession, WriteSession
from shared.db.spine import parked_events, parked_keys
from shared.db.uow import Question, UnitOfWork

Place = tuple[str, str]

LISTED = 100
SOME_PARKED = f"""
    ARRAY(SELECT ARRAY[topic, key] FROM parked_keys LIMIT {LISTED + 1})
"""
"""One more than are listed: there are others besides."""

# Not in a fixed order: a shared lock waits only for who takes a key's last event away, and he waits for nobody.
_HELD = """
    SELECT topic, key FROM parked_keys
    WHERE (topic, key) IN (SELECT * FROM unnest($1::text[], $2::text[])) FOR SHARE
"""
_PARK = """
    WITH stopped AS (
        INSERT INTO parked_keys (topic, key, attempts, error, retry_at)
        VALUES ($1, $2, 1, $6, clock_timestamp() + $7::interval)
    )
    INSERT INTO parked_events (topic, key, event_id, headers, body) VALUES ($1, $2, $3, $4, $5)
"""
_FOLLOW = """
    INSERT INTO parked_events (topic, key, event_id, headers, body)
    SELECT topic, key, event_id, headers, body
    FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::bytea[])
        WITH ORDINALITY AS given (topic, key, event_id, headers, body, place)
    ORDER BY place
"""
_ALONE = f"SELECT {BUSINESS_NOW} AS now, pg_try_advisory_xact_lock(hashtextextended($1, 1)) AS alone"
_HEAD = """
    SELECT id, event_id, headers, body, attempts, error
    FROM parked_keys JOIN parked_events USING (topic, key)
    WHERE topic = $1 AND key = $2 AND retry_at <= clock_timestamp() ORDER BY id LIMIT 1
"""
_HOLD = "SELECT FROM parked_keys WHERE topic = $1 AND key = $2 FOR UPDATE"
_FAILED_AGAIN = """
    UPDATE parked_keys SET attempts = $4 + 1, error = $5, retry_at = clock_timestamp() + $6::interval
    WHERE topic = $1 AND key = $2 AND attempts = $4
      AND $3 = (SELECT min(id) FROM parked_events WHERE topic = $1 AND key = $2) RETURNING key
"""


@dataclass(frozen=True)
class Head:
    """The event that a key stands still for."""

    id: int
    incoming: Incoming
    attempts: int
    error: str


async def parked_among(
    uow: UnitOfWork, events: Iterable[Incoming], some_parked: Sequence[Sequence[str]] | None = None
) -> set[Place]:
    """Return which of the events' keys are parked, holding those rows shared until the transaction ends.

    Most often none is: `some_parked` is what `SOME_PARKED` told in this transaction, where that is recent enough.
    """
    if some_parked is not None:
        events = _maybe_parked(events, some_parked)
    wanted = {event.place for event in events}
    if not wanted:
        return set()
    topics, keys = zip(*wanted, strict=True)
    return {(row["topic"], row["key"]) for row in await uow.fetch(_HELD, topics, keys)}


def _maybe_parked(events: Iterable[Incoming], some_parked: Sequence[Sequence[str]]) -> Iterable[Incoming]:
    """Return the events whose key may be parked, by what `SOME_PARKED` told."""
    if len(some_parked) > LISTED:
        return events
    listed = {key for _, key in some_parked}  # a pass over all events: as little as possible for each
    return [event for event in events if event.record.key in listed] if listed else []


async def park(uow: UnitOfWork, event: Incoming, error: str, pause: timedelta) -> None:
    """Stop the event's key: it has failed once, and is tried again after `pause`."""
    await uow.fetch(_PARK, *_row(event), error, pause)


async def follow(uow: UnitOfWork, events: Iterable[Incoming]) -> None:
    """Put events behind those already parked under their keys."""
    if rows := [_row(event) for event in events]:
        await uow.fetch(_FOLLOW, *zip(*rows, strict=True))


def _row(event: Incoming) -> tuple[str, str, UUID, str, bytes]:
    record = event.record
    return record.topic, record.key, event.event_id, json.dumps(dict(record.headers)), record.body


async def due(session: AnySession, limit: int) -> list[Place]:
    """Return keys whose next attempt is due, longest waiting first."""
    query = (
        select(parked_keys.c.topic, parked_keys.c.key)
        .where(parked_keys.c.retry_at <= func.clock_timestamp())
        .order_by(parked_keys.c.retry_at)
        .limit(limit)
    )
    return [(row.topic, row.key) for row in await session.execute(query)]


def alone(place: Place) -> Question:
    """Begin a unit of work on this key as the only one, unless another one is at it; `take_head` sees which."""
    return Question(_ALONE, ("/".join(place),))


async def take_head(uow: UnitOfWork, place: Place) -> Head | None:
    """Take the key's first event for an attempt; None when another process is at it or nothing is due."""
    if not uow.told[0]["alone"]:
        return None
    # A statement of its own: one that began before the lock was ours would not see what its last holder did.
    for row in await uow.fetch(_HEAD, *place):
        headers = json.loads(row["headers"])
        record = Record(*place, headers, row["body"])
        incoming = Incoming(row["event_id"], headers.get("ce_type", ""), record)
        return Head(row["id"], incoming, row["attempts"], row["error"])
    return None


async def advance(session: WriteSession, place: Place, head_id: int) -> bool:
    """Take the head away, done or discarded; the next one is due at once. Tell whether the key goes on freely."""
    await session.execute(select(parked_keys.c.key).where(*_is(place, parked_keys.c)).with_for_update())
    await session.execute(delete(parked_events).where(parked_events.c.id == head_id))
    left = await session.scalar(select(parked_events.c.id).where(*_is(place, parked_events.c)).limit(1))
    if left is None:
        await session.execute(delete(parked_keys).where(*_is(place, parked_keys.c)))
        return True
    await retry_now(session, place)
    return False


async def retry_now(session: WriteSession, place: Place) -> None:
    """Give the key's head a fresh set of attempts, the first one now."""
    await session.execute(
        update(parked_keys).where(*_is(place, parked_keys.c)).values(attempts=0, retry_at=func.clock_timestamp())
    )


async def failed_again(uow: UnitOfWork, place: Place, head: Head, error: str, pause: timedelta | None) -> bool:
    """Count one more failure; without a pause the key waits for a decision.

    False when another process tried the event meanwhile: it counted the failure, or went on to the next event.
    """
    # First, and by itself: the count must see what the row's last holder did to the key's events.
    await uow.fetch(_HOLD, *place)
    return bool(await uow.fetch(_FAILED_AGAIN, *place, head.id, head.attempts, error, pause))


def _is(place: Place, columns: Any) -> tuple[Any, Any]:
    return columns.topic == place[0], columns.key == place[1]
