"""Dead letters: events, timers and outbox rows that were tried to the end and now wait for a person.

`replay` gives the thing a fresh set of attempts at the place where it stood, so the order of its key is kept;
`discard` gives it up and lets what waits behind it go on. Both are audited, and each letter is decided once.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from shared.bus import parked
from shared.bus.incoming import agency_of
from shared.bus.operators import Reach
from shared.db.ids import uuid7
from shared.db.pages import Page, decode_cursor, encode_cursor
from shared.db.sessions import AnySession, WriteSession
from shared.db.spine import dead_letters, outbox, parked_events, timers
from shared.db.uow import UnitOfWork
from shared.errors import Category, DomainError, NotFound

NO_AGENCY = UUID(int=0)
TIMER = "timer"


class DeadLetterDecided(DomainError):
    """Somebody has replayed or discarded this letter before."""

    code = "dead_letter_decided"
    title = "该死信已处理"
    category = Category.CONFLICT


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter as an operator sees it. `body` is the event's JSON, or the timer's payload."""

    id: UUID
    kind: str
    agency_id: UUID | None
    topic: str | None
    key: str
    event_id: UUID | None
    headers: dict[str, Any]
    body: str
    attempts: int
    error: str
    died_at: datetime
    decided_at: datetime | None
    decision: str | None
    decided_by: str | None


async def bury_event(session: WriteSession, head: parked.Head, attempts: int, error: str) -> None:
    """Record that the head of a parked key has used up its attempts; the key stays parked."""
    record = head.incoming.record
    await session.execute(
        insert(dead_letters).values(
            id=uuid7(),
            kind="event",
            agency_id=agency_of(record.headers),
            event_id=head.incoming.event_id,
            topic=record.topic,
            key=record.key,
            headers=json.dumps(dict(record.headers)),
            body=record.body,
            attempts=attempts,
            error=error,
        )
    )


def listing(*, undecided_only: bool = True) -> Select[Any]:
    """Return the query of dead letters, oldest first; `letter` reads its rows."""
    query = select(dead_letters).order_by(dead_letters.c.id)
    return query.where(dead_letters.c.decided_at.is_(None)) if undecided_only else query


async def page_of(
    session: AnySession, operator: Reach, *, undecided_only: bool, cursor: str | None, limit: int
) -> Page[DeadLetter]:
    """Return a page of the letters that the operator may decide."""
    query = listing(undecided_only=undecided_only).limit(limit + 1)
    nobodys = dead_letters.c.agency_id.is_(None)
    unclaimed = nobodys if operator.whole_tree else nobodys & (dead_letters.c.kind == TIMER)
    query = query.where(dead_letters.c.agency_id.in_(operator.agencies) | unclaimed)
    if cursor is not None:
        query = query.where(dead_letters.c.id > decode_cursor(cursor, [UUID])[0])
    found = [letter(row) for row in (await session.execute(query)).all()]
    more = len(found) > limit
    return Page(found[:limit], encode_cursor([found[limit - 1].id]) if more else None)


def letter(row: Row[Any]) -> DeadLetter:
    """Read a row of `listing`."""
    values = dict(row._mapping)
    values["headers"] = json.loads(values["headers"])
    values["body"] = values["body"].decode(errors="replace")
    return DeadLetter(**values)


async def show(session: AnySession, letter_id: UUID) -> DeadLetter:
    """Return one letter. Raises NotFound."""
    row = (await session.execute(select(dead_letters).where(dead_letters.c.id == letter_id))).first()
    if row is None:
        raise NotFound()
    return letter(row)


async def replay(uow: UnitOfWork, letter_id: UUID) -> None:
    """Try again, with a fresh set of attempts. Raises NotFound or DeadLetterDecided."""
    row = await _decide(uow, letter_id, "replayed")
    if row.kind == "event":
        await parked.retry_now(uow.session, (row.topic, row.key))
    elif row.kind == TIMER:
        await _reschedule(uow.session, row)
    else:
        uow.wakes_relay = True  # the row stands in its place still, no longer held back by an open letter


async def discard(uow: UnitOfWork, letter_id: UUID) -> None:
    """Give it up; events parked behind it go on. Raises NotFound or DeadLetterDecided."""
    row = await _decide(uow, letter_id, "discarded")
    if row.kind == "event":
        query = select(parked_events.c.id).where(parked_events.c.event_id == row.event_id)
        head_id = await uow.session.scalar(query)
        if head_id is not None:
            await parked.advance(uow.session, (row.topic, row.key), head_id)
    elif row.kind == "outbox":
        await uow.session.execute(
            update(outbox)
            .where(outbox.c.published_at.is_(None), outbox.c.event_id == row.event_id)
            .where(outbox.c.topic == row.topic, outbox.c.headers == row.headers)
            .values(published_at=func.clock_timestamp())
        )
        uow.wakes_relay = True


async def _decide(uow: UnitOfWork, letter_id: UUID, decision: str) -> Row[Any]:
    query = select(dead_letters).where(dead_letters.c.id == letter_id).with_for_update()
    row = (await uow.session.execute(query)).first()
    if row is None:
        raise NotFound()
    if row.decided_at is not None:
        raise DeadLetterDecided(decision=row.decision, decided_by=row.decided_by)
    await uow.session.execute(
        update(dead_letters)
        .where(dead_letters.c.id == letter_id)
        .values(decided_at=func.clock_timestamp(), decision=decision, decided_by=uow.actor.name)
    )
    details = {"kind": row.kind, "topic": row.topic, "key": row.key, "error": row.error}
    uow.audit(
        f"dead_letter.{decision}",
        subject=letter_id,
        agency_id=row.agency_id or NO_AGENCY,
        details=details,
    )
    return row


async def _reschedule(session: WriteSession, row: Row[Any]) -> None:
    """Bring the timer back with its own due time, unless a newer one of its kind is open."""
    due = json.loads(row.headers)
    back = pg_insert(timers).values(
        id=uuid7(),
        subject=UUID(due["subject"]),
        kind=due["kind"],
        due_at=datetime.fromisoformat(due["due_at"]),
        payload=row.body.decode(),
    )
    await session.execute(
        back.on_conflict_do_nothing(index_elements=["subject", "kind"], index_where=timers.c.fired_at.is_(None))
    )
