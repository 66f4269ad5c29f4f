"""Timers that have failed and will be tried again, as an operator sees them before they are dead letters."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update

from shared.db.clock import now_column
from shared.db.sessions import AnySession
from shared.db.spine import timers
from shared.db.uow import NO_AGENCY, UnitOfWork
from shared.errors import NotFound

_FAILING = (timers.c.fired_at.is_(None), timers.c.due_at <= now_column(), timers.c.attempts > 0)


async def everything(session: AnySession) -> Sequence[Row[Any]]:
    """Return them, the earliest due first, with columns as in `timers`."""
    return (await session.execute(select(timers).where(*_FAILING).order_by(timers.c.due_at, timers.c.id))).all()


async def retry(uow: UnitOfWork, timer_id: UUID) -> None:
    """Try the timer again now; what was tried before still counts. Raises NotFound, also when it is over by now."""
    forward = update(timers).where(timers.c.id == timer_id, *_FAILING).values(retry_at=func.clock_timestamp())
    timer = (await uow.session.execute(forward.returning(timers))).one_or_none()
    if timer is None:
        raise NotFound()
    details = {"kind": timer.kind, "due_at": timer.due_at, "attempts": timer.attempts, "error": timer.error}
    uow.audit("timer.retried", subject=timer.subject, agency_id=NO_AGENCY, details=details)
