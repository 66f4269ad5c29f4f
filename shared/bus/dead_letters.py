"""Dead letters: events, timers and outbox rows that were tried to the end and now wait for a person.

`replay` gives the thing a fresh set of attempts at the place where it stood, so the order of its key is kept;
`discard` gives it up, for a reason, and lets what waits behind it go on. Both are audited, and each letter is decided
once.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, case, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from shared.bus import parked
from shared.bus.incoming import agency_of
from shared.db.ids import uuid7
from shared.db.pages import Page, decode_cursor, encode_cursor
from shared.db.sessions import AnySession, WriteSession
from shared.db.spine import dead_letters, outbox, parked_events, timers
from shared.db.uow import NO_AGENCY, UnitOfWork
from shared.errors import Category, DomainError, NotFound

EVENT, TIMER, OUTBOX = "event", "timer", "outbox"
DECISIONS = {"replayed": "已重放", "discarded": "已放弃", "withdrawn": "定时器已撤销或重新设定"}


class DeadLetterDecided(DomainError):
    """Somebody has replayed or discarded this letter before."""

    code = "dead_letter_decided"
    title = "该死信已处理"
    category = Category.CONFLICT


class TimerSetAnew(DomainError):
    """A newer timer of the kind has been set since this one died: replayed, the old one would fire beside it."""

    code = "timer_set_anew"
    title = "该定时器已重新设定，旧的不能再触发"
    category = Category.CONFLICT


@dataclass(frozen=True)
class Reach:
    """The agencies that an operator administers, and whether these are all there are."""

    agencies: frozenset[UUID]
    whole_tree: bool


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter as an operator sees it. `body` is the event's JSON, or the timer's payload.

    `waiting` counts what cannot go on before it is decided: later events of its key.
    """

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
    waiting: int

    @property
    def type(self) -> str | None:
        """Which event it was, or which timer."""
        return self.headers.get("kind" if self.kind == TIMER else "ce_type")


async def bury_event(session: WriteSession, head: parked.Head, attempts: int, error: str) -> UUID:
    """Record that the head of a parked key is not tried any more; the key stays parked. Return the letter's id."""
    record, letter_id = head.incoming.record, uuid7()
    await session.execute(
        insert(dead_letters).values(
            id=letter_id,
            kind=EVENT,
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
    return letter_id


def listing(*, undecided_only: bool = True) -> Select[Any]:
    """Return the query of dead letters, oldest first; `letter` reads its rows."""
    query = select(dead_letters, _waiting().label("waiting")).order_by(dead_letters.c.id)
    return query.where(dead_letters.c.decided_at.is_(None)) if undecided_only else query


def _waiting() -> ColumnElement[int]:
    """Count what stands behind an open letter: in line at its reader, or unpublished at its producer."""
    place = dead_letters.c.topic, dead_letters.c.key
    parked_behind = select(func.count()).where(tuple_(parked_events.c.topic, parked_events.c.key) == tuple_(*place))
    unpublished = select(func.count()).where(
        outbox.c.published_at.is_(None), tuple_(outbox.c.topic, outbox.c.key) == tuple_(*place)
    )
    behind = case(
        (dead_letters.c.decided_at.is_not(None), 0),
        (dead_letters.c.kind == EVENT, parked_behind.scalar_subquery() - 1),
        (dead_letters.c.kind == OUTBOX, unpublished.scalar_subquery() - 1),
        else_=0,
    )
    return func.greatest(behind, 0)


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
    row = (await session.execute(listing(undecided_only=False).where(dead_letters.c.id == letter_id))).first()
    if row is None:
        raise NotFound()
    return letter(row)


async def replay(uow: UnitOfWork, letter_id: UUID) -> None:
    """Try again, with a fresh set of attempts. Raises NotFound, DeadLetterDecided or TimerSetAnew."""
    row = await _decide(uow, letter_id, "replayed")
    if row.kind == EVENT:
        await parked.retry_now(uow.session, (row.topic, row.key))
    elif row.kind == TIMER:
        await _reschedule(uow.session, row)
    else:
        uow.wakes_relay = True  # the row stands in its place still, no longer held back by an open letter


async def discard(uow: UnitOfWork, letter_id: UUID, reason: str) -> None:
    """Give it up; events parked behind it go on. Raises NotFound or DeadLetterDecided."""
    row = await _decide(uow, letter_id, "discarded", {"reason": reason})
    if row.kind == EVENT:
        query = select(parked_events.c.id).where(parked_events.c.event_id == row.event_id)
        head_id = await uow.session.scalar(query)
        if head_id is not None:
            await parked.advance(uow.session, (row.topic, row.key), head_id)
    elif row.kind == OUTBOX:
        await uow.session.execute(
            update(outbox)
            .where(outbox.c.published_at.is_(None), outbox.c.event_id == row.event_id)
            .where(outbox.c.topic == row.topic, outbox.c.headers == row.headers)
            .values(published_at=func.clock_timestamp())
        )
        uow.wakes_relay = True


async def _decide(uow: UnitOfWork, letter_id: UUID, decision: str, why: Mapping[str, str] | None = None) -> Row[Any]:
    query = select(dead_letters).where(dead_letters.c.id == letter_id).with_for_update()
    row = (await uow.session.execute(query)).first()
    if row is None:
        raise NotFound()
    if row.decided_at is not None:
        told = f"{row.decided_by}：{DECISIONS[row.decision]}。"
        raise DeadLetterDecided(told, decision=row.decision, decided_by=row.decided_by)
    await uow.session.execute(
        update(dead_letters)
        .where(dead_letters.c.id == letter_id)
        .values(decided_at=func.clock_timestamp(), decision=decision, decided_by=uow.actor.name)
    )
    details = {"kind": row.kind, "topic": row.topic, "key": row.key, "error": row.error, **(why or {})}
    uow.audit(
        f"dead_letter.{decision}",
        subject=letter_id,
        agency_id=row.agency_id or NO_AGENCY,
        details=details,
    )
    return row


async def _reschedule(session: WriteSession, row: Row[Any]) -> None:
    """Bring the timer back with its own due time. Raises TimerSetAnew, whether the newer one is open or has fired.

    Whoever sets a timer anew closes its letter, so that is for a letter written at that very moment.
    """
    due = json.loads(row.headers)
    subject, kind, due_at = UUID(due["subject"]), due["kind"], datetime.fromisoformat(due["due_at"])
    newer = timers.c.fired_at.is_(None) | (timers.c.scheduled_at > row.died_at)
    query = select(timers.c.id).where(timers.c.subject == subject, timers.c.kind == kind, newer).limit(1)
    if (await session.execute(query)).first() is not None:
        raise TimerSetAnew
    back = pg_insert(timers).values(id=uuid7(), subject=subject, kind=kind, due_at=due_at, payload=row.body.decode())
    is_open = timers.c.fired_at.is_(None)
    inserted = back.on_conflict_do_nothing(index_elements=["subject", "kind"], index_where=is_open)
    if (await session.execute(inserted.returning(timers.c.id))).first() is None:
        raise TimerSetAnew
