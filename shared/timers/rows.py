"""The scheduler's statements on `timers`. The database's clock, shifted by `clock_offset`, decides what is due.

Who fires a timer holds an advisory lock on its *subject*, taken without waiting (what others hold is skipped) and
released with the transaction, at once also by a crash. The timer's own row is not locked before it is marked: a
command holds its aggregate's row and then removes the timers, a firing timer holds the timer and then wants the
aggregate, so row locks (SKIP LOCKED) would let the two deadlock, at a citizen's expense.
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, case, delete, func, insert, select, text, update

from shared.db.base import UtcDateTime
from shared.db.clock import NOW
from shared.db.ids import uuid7
from shared.db.sessions import ReadSession, WriteSession
from shared.db.spine import dead_letters, timers
from shared.db.timer_changes import letter_key

_ALONE = text("""
    WITH wanted AS MATERIALIZED (SELECT id, subject FROM timers WHERE id = ANY(CAST(:ids AS uuid[])))
    SELECT id FROM wanted WHERE pg_try_advisory_xact_lock(hashtextextended(CAST(subject AS text), 2))
""")
_MARK = text("""
    UPDATE timers SET fired_at = :now, retry_at = NULL
    FROM unnest(CAST(:ids AS uuid[]), CAST(:dues AS timestamptz[]), CAST(:payloads AS text[]))
         AS seen(id, due_at, payload)
    WHERE timers.id = seen.id AND timers.fired_at IS NULL
      AND timers.due_at = seen.due_at AND timers.payload = seen.payload RETURNING timers.id
""").bindparams(bindparam("now", type_=UtcDateTime))


async def due(session: ReadSession, kinds: Collection[str], limit: int) -> list[UUID]:
    """Return open timers that are due and not waiting for a later attempt, the earliest due first."""
    now: datetime = (await session.execute(NOW)).scalar_one()
    query = (
        select(timers.c.id)
        .where(timers.c.fired_at.is_(None), timers.c.due_at <= now, timers.c.kind.in_(kinds))
        .where(timers.c.retry_at.is_(None) | (timers.c.retry_at <= func.clock_timestamp()))
        .order_by(timers.c.due_at)
        .limit(limit)
    )
    return list((await session.scalars(query)).all())


async def take(session: WriteSession, ids: Sequence[UUID], now: datetime) -> list[Row[Any]]:
    """Lock the subjects that nobody else is firing for, and return their timers that are still open and due.

    They come by subject and due time. The rows are read after the locks, so what another scheduler has just fired,
    or a command cancelled or moved, is not among them. `unshifted` is `now` on the real clock.
    """
    alone = list((await session.execute(_ALONE, {"ids": list(ids)})).scalars())
    query = (
        select(timers, func.now().label("unshifted"))
        .where(timers.c.id.in_(alone), timers.c.fired_at.is_(None), timers.c.due_at <= now)
        .where(timers.c.retry_at.is_(None) | (timers.c.retry_at <= func.clock_timestamp()))
        .order_by(timers.c.subject, timers.c.due_at, timers.c.id)
    )
    return list((await session.execute(query)).all())


async def mark_fired(session: WriteSession, fired: Sequence[Row[Any]], now: datetime) -> set[UUID]:
    """Mark the timers fired; return those that a command had cancelled, moved or changed since they were taken."""
    seen = {
        "now": now,
        "ids": [timer.id for timer in fired],
        "dues": [timer.due_at for timer in fired],
        "payloads": [timer.payload for timer in fired],
    }
    marked = set((await session.execute(_MARK, seen)).scalars())
    return {timer.id for timer in fired} - marked


async def try_later(session: WriteSession, timer: Row[Any], error: str, pause: timedelta) -> None:
    """Count a failed attempt; the next one comes after `pause`, or when somebody wanted it meanwhile (`failing.retry`).

    A timer that was moved meanwhile starts afresh.
    """
    unchanged = timers.c.retry_at.is_not_distinct_from(timer.retry_at)
    retry_at = case((unchanged, func.clock_timestamp() + pause), else_=timers.c.retry_at)
    changed = update(timers).where(*_as_seen(timer))
    await session.execute(changed.values(attempts=timer.attempts + 1, retry_at=retry_at, error=error))


async def bury(session: WriteSession, timer: Row[Any], error: str) -> bool:
    """Turn the timer into a dead letter; False when it was cancelled or moved meanwhile."""
    gone = await session.execute(delete(timers).where(*_as_seen(timer)).returning(timers.c.id))
    if gone.first() is None:
        return False
    due_timer = {"subject": str(timer.subject), "kind": timer.kind, "due_at": timer.due_at.isoformat()}
    await session.execute(
        insert(dead_letters).values(
            id=uuid7(),
            kind="timer",
            key=letter_key(timer.subject, timer.kind),
            headers=json.dumps(due_timer),
            body=timer.payload.encode(),
            attempts=timer.attempts + 1,
            error=error,
        )
    )
    return True


def _as_seen(timer: Row[Any]) -> tuple[Any, ...]:
    return (
        timers.c.id == timer.id,
        timers.c.fired_at.is_(None),
        timers.c.due_at == timer.due_at,
        timers.c.payload == timer.payload,
        timers.c.attempts == timer.attempts,
    )
