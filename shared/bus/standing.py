"""Keys that stand still, as an operator sees them, and what he may decide before they are dead letters.

A key is named by the event it stands still for, its head, so a decision never meets an event that nobody looked at.
A head whose letter is open is decided as that letter. Giving up an earlier one writes its letter and decides it at
once: what was given up can be read for ever, with the reason.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from shared.bus import dead_letters, parked
from shared.bus.incoming import Incoming, agency_of
from shared.bus.transport import Record
from shared.db.pages import Page, decode_cursor, encode_cursor
from shared.db.sessions import AnySession
from shared.db.uow import NO_AGENCY, UnitOfWork
from shared.errors import Category, DomainError, NotFound

_HEADS = """
    SELECT head.id, head.event_id, place.topic, place.key, head.headers, head.body, place.attempts, place.error,
        place.parked_at, place.retry_at, behind.count AS waiting, clock_timestamp() AS seen_at,
        (SELECT letter.id FROM dead_letters AS letter
         WHERE letter.decided_at IS NULL AND letter.kind = 'event' AND letter.event_id = head.event_id LIMIT 1
        ) AS letter_id
    FROM parked_keys AS place
    CROSS JOIN LATERAL (
        SELECT * FROM parked_events WHERE topic = place.topic AND key = place.key ORDER BY id LIMIT 1
    ) AS head
    CROSS JOIN LATERAL (
        SELECT count(*) - 1 AS count FROM parked_events WHERE topic = place.topic AND key = place.key
    ) AS behind
"""
# Headers are text that anybody may have published: as JSON, one bad character in one row would end the whole query.
_AGENCY = """lower(substring(head.headers FROM '"ce_agencyid": ?"([^"]*)"'))"""
_READABLE = "'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'"
_THEIRS = f"""
    WHERE head.id > :after AND (
        {_AGENCY} = ANY(:agencies) OR :whole_tree AND coalesce({_AGENCY}, '') !~ {_READABLE}
    )
    ORDER BY head.id LIMIT :limit
"""
_OF_THESE = text(_HEADS + _THEIRS)
_ALL = text(f"{_HEADS} ORDER BY head.id")
_ONE = text(f"{_HEADS} WHERE head.event_id = :event_id")
_HOLD = text("""
    SELECT place.key FROM parked_keys AS place JOIN parked_events AS event USING (topic, key)
    WHERE event.event_id = :event_id FOR UPDATE OF place
""")
_BRING_FORWARD = text("UPDATE parked_keys SET retry_at = clock_timestamp() WHERE topic = :topic AND key = :key")


class ParkedKeyInHand(DomainError):
    """A worker is trying the event at this moment: it may succeed, so nobody gives it up meanwhile."""

    code = "parked_key_in_hand"
    title = "该事件正在重试，请稍后再处理"
    category = Category.CONFLICT


@dataclass(frozen=True)
class StandingKey:
    """A key and the event it stands still for. Without `retry_at` its dead letter waits for a decision."""

    event_id: UUID
    topic: str
    key: str
    type: str
    agency_id: UUID | None
    attempts: int
    error: str
    parked_at: datetime
    retry_at: datetime | None
    seconds: float
    waiting: int
    letter_id: UUID | None
    headers: dict[str, str]
    body: str


async def everything(session: AnySession) -> list[StandingKey]:
    """Return all keys that stand still, longest standing first."""
    return [_read(row) for row in await session.execute(_ALL)]


async def page_of(
    session: AnySession, operator: dead_letters.Reach, *, cursor: str | None, limit: int
) -> Page[StandingKey]:
    """Return a page of those that the operator may decide."""
    agencies = [str(agency) for agency in operator.agencies]
    after = decode_cursor(cursor, [int])[0] if cursor is not None else 0
    given = {"after": after, "agencies": agencies, "whole_tree": operator.whole_tree, "limit": limit + 1}
    rows = (await session.execute(_OF_THESE, given)).all()
    return Page([_read(row) for row in rows[:limit]], encode_cursor([rows[limit - 1].id]) if rows[limit:] else None)


async def show(session: AnySession, event_id: UUID) -> StandingKey:
    """Return the key that stands still for this event. Raises NotFound, also when it goes on by now."""
    return _read(await _row(session, event_id))


async def retry(uow: UnitOfWork, event_id: UUID) -> None:
    """Try the event again now; what was tried before still counts, unless it is a dead letter. Raises NotFound."""
    standing = await _held(uow, event_id)
    if standing.letter_id is not None:
        await dead_letters.replay(uow, standing.letter_id)
        return
    await uow.session.execute(_BRING_FORWARD, {"topic": standing.topic, "key": standing.key})
    details = {
        "topic": standing.topic,
        "key": standing.key,
        "type": standing.type,
        "attempts": standing.attempts,
        "error": standing.error,
    }
    agency = standing.agency_id or NO_AGENCY
    uow.audit("parked_key.retried", subject=event_id, agency_id=agency, details=details)


async def discard(uow: UnitOfWork, event_id: UUID, reason: str) -> None:
    """Give the event up; what waits behind it goes on. Raises NotFound or ParkedKeyInHand."""
    seen = await show(uow.session, event_id)
    question = parked.alone((seen.topic, seen.key))
    (told,) = await uow.fetch(question.sql, *question.values)
    if not told["alone"]:
        raise ParkedKeyInHand()
    standing = await _held(uow, event_id)
    letter_id = standing.letter_id
    if letter_id is None:
        row = await _row(uow.session, event_id)
        letter_id = await dead_letters.bury_event(uow.session, _head(row), row.attempts, row.error)
    await dead_letters.discard(uow, letter_id, reason)


async def _held(uow: UnitOfWork, event_id: UUID) -> StandingKey:
    """Read the key anew with its row held: what another transaction did to it meanwhile is seen."""
    await uow.session.execute(_HOLD, {"event_id": event_id})
    return await show(uow.session, event_id)


async def _row(session: AnySession, event_id: UUID) -> Any:
    row = (await session.execute(_ONE, {"event_id": event_id})).one_or_none()
    if row is None:
        raise NotFound()
    return row


def _head(row: Any) -> parked.Head:
    headers = json.loads(row.headers)
    record = Record(row.topic, row.key, headers, row.body)
    return parked.Head(row.id, Incoming(row.event_id, headers.get("ce_type", ""), record), row.attempts, row.error)


def _read(row: Any) -> StandingKey:
    headers = json.loads(row.headers)
    return StandingKey(
        event_id=row.event_id,
        topic=row.topic,
        key=row.key,
        type=headers.get("ce_type", ""),
        agency_id=agency_of(headers),
        attempts=row.attempts,
        error=row.error,
        parked_at=row.parked_at,
        retry_at=row.retry_at,
        seconds=round((row.seen_at - row.parked_at).total_seconds(), 1),
        waiting=row.waiting,
        letter_id=row.letter_id,
        headers=headers,
        body=bytes(row.body).decode(errors="replace"),
    )
