"""Dated instances, generated ahead: by the roll-over timer, when an obligation is added, when an interval is set.

Idempotent: an instance is unique per obligation, period start and due day, and what exists is left alone. Two
roll-overs at once, a repeated one or a late one give the same rows.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.catalog.documents.deadlines import overdue_at, reminder_at
from services.catalog.obligations.models import Instance, Obligation
from services.catalog.obligations.rules import InstanceState, periods
from shared.calendar import Calendar, start_of_day
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.replicas import calendars

ROLLOVER = "obligation_rollover"
DUE_SOON = "obligation_due_soon"
OVERDUE = "obligation_overdue"
ROLLOVER_EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Ahead:
    """How far ahead instances exist, and how early they remind."""

    horizon_days: int
    due_soon_working_days: int


async def generate(uow: UnitOfWork, obligation: Obligation, ahead: Ahead) -> list[UUID]:
    """Add the missing instances up to the horizon, with their timers; set the next roll-over; return the new ids."""
    schedule = obligation.schedule
    if not schedule.dated:
        uow.cancel(obligation.id, ROLLOVER)
        return []
    through = uow.today + timedelta(days=ahead.horizon_days)
    known = obligation.generated_through
    wanted = [
        {
            "id": uuid7(),
            "agency_id": obligation.agency_id,
            "obligation_id": obligation.id,
            "version": 1,
            "state": InstanceState.OPEN.value,
            "period_start": period.start,
            "period_end": period.end,
            "due_on": period.due_on,
            "due_provisional": False,
            "citation": obligation.citation,
            "created_at": uow.now,
        }
        for period in periods(schedule, through)
        if known is None or period.start > known
    ]
    added: list[UUID] = []
    if wanted:
        await uow.session.flush()
        statement = insert(Instance).on_conflict_do_nothing().returning(Instance.id, Instance.due_on)
        calendar = await calendars.current(uow.session, obligation.agency_id)
        for row in (await uow.session.execute(statement, wanted)).all():
            set_timers(uow, row.id, row.due_on, calendar, ahead)
            added.append(row.id)
    obligation.generated_through = through
    uow.schedule(obligation.id, ROLLOVER, start_of_day(uow.today) + ROLLOVER_EVERY)
    return added


def set_timers(
    uow: UnitOfWork, instance_id: UUID, due_on: date, calendar: Calendar, ahead: Ahead, *, provisional: bool = False
) -> None:
    """Set an open instance's reminder (not when it is overdue already) and its overdue timer (never provisional)."""
    overdue = overdue_at(due_on)
    if overdue > uow.now:
        uow.schedule(instance_id, DUE_SOON, reminder_at(due_on, calendar, ahead.due_soon_working_days))
    if not provisional:
        uow.schedule(instance_id, OVERDUE, overdue)
