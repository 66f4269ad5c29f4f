"""Parked keys: a failing event stops its own key and no other.

`parked_keys` holds one row per key that stands still, with its attempts and the time of the next one (none: a dead
letter waits for a decision); `parked_events` holds the key's events in order, the failing one first. Invariant: a key
has parked events exactly while it has its row. Who adds a follower holds the row shared; who takes the last event
away holds it exclusively and looks again before deleting it, so no follower is left behind.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select, text, update

from shared.bus.incoming import Incoming
from shared.bus.transport import Record
from shared.db.sessions import AnySession, WriteSession
from shared.db.spine import parked_events, parked_keys

Place = tuple[str, str]

_HELD = text("""
    SELECT topic, key FROM parked_keys
    WHERE (topic, key) IN (SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:keys AS text[]))) FOR SHARE
""")
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:place, 1))")


@dataclass(frozen=True)
class Head:
    """The event that a key stands still for."""

    id: int
    incoming: Incoming
    attempts: int
    error: str


async def parked_among(session: WriteSession, places: Iterable[Place]) -> set[Place]:
    """Return which of the keys are parked, holding those rows shared until the transaction ends."""
    wanted = sorted(set(places))
    if not wanted:
        return set()
    rows = await session.execute(_HELD, {"topics": [t for t, _ in wanted], "keys": [k for _, k in wanted]})
    return {(row.topic, row.key) for row in rows}


async def park(session: WriteSession, event: Incoming, error: str, pause: timedelta) -> None:
    """Stop the event's key: it has failed once, and is tried again after `pause`."""
    await session.execute(
        insert(parked_keys).values(
            topic=event.record.topic, key=event.record.key, attempts=1, retry_at=_in(pause), error=error
        )
    )
    await follow(session, event)


async def follow(session: WriteSession, event: Incoming) -> None:
    """Put an event behind those already parked under its key."""
    record = event.record
    await session.execute(
        insert(parked_events).values(
            event_id=event.event_id,
            topic=record.topic,
            key=record.key,
            headers=json.dumps(dict(record.headers)),
            body=record.body,
        )
    )


async def due(session: AnySession, limit: int) -> list[Place]:
    """Return keys whose next attempt is due, longest waiting first."""
    query = (
        select(parked_keys.c.topic, parked_keys.c.key)
        .where(parked_keys.c.retry_at <= func.clock_timestamp())
        .order_by(parked_keys.c.retry_at)
        .limit(limit)
    )
    return [(row.topic, row.key) for row in await session.execute(query)]


async def take_head(session: WriteSession, place: Place) -> Head | None:
    """Take the key's first event for an attempt; None when another process is at it or nothing is due."""
    if not await session.scalar(_ALONE, {"place": "/".join(place)}):
        return None
    query = (
        select(parked_events, parked_keys.c.attempts, parked_keys.c.error)
        .join_from(parked_keys, parked_events, _same_key(parked_events.c))
        .where(*_is(place, parked_keys.c), parked_keys.c.retry_at <= func.clock_timestamp())
        .order_by(parked_events.c.id)
        .limit(1)
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    headers = json.loads(row.headers)
    record = Record(row.topic, row.key, headers, row.body)
    return Head(row.id, Incoming(row.event_id, headers.get("ce_type", ""), record), row.attempts, row.error)


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


async def failed_again(
    session: WriteSession, place: Place, seen_attempts: int, error: str, pause: timedelta | None
) -> bool:
    """Count one more failure; without a pause the key waits for a decision. False when another process counted it."""
    changed = await session.execute(
        update(parked_keys)
        .where(*_is(place, parked_keys.c), parked_keys.c.attempts == seen_attempts)
        .values(attempts=seen_attempts + 1, error=error, retry_at=None if pause is None else _in(pause))
        .returning(parked_keys.c.key)
    )
    return changed.first() is not None


def _in(pause: timedelta) -> Any:
    return func.clock_timestamp() + pause


def _is(place: Place, columns: Any) -> tuple[Any, Any]:
    return columns.topic == place[0], columns.key == place[1]


def _same_key(columns: Any) -> Any:
    return (columns.topic == parked_keys.c.topic) & (columns.key == parked_keys.c.key)
