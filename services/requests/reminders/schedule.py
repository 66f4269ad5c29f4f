"""Moves a case's timers to where its standing puts them, in the transaction that changed it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.rules import Standing
from services.requests.reminders.models import Reminder
from services.requests.reminders.rules import all_kinds, moments
from shared.calendar import Calendar, end_of_day
from shared.db.uow import UnitOfWork

REDERIVE = "rederive"


async def reschedule(
    uow: UnitOfWork, application_id: UUID, standing: Standing, reminder_days: Sequence[int], calendar: Calendar
) -> None:
    """Set the timers of this due day that have not fired yet; remove those of an earlier one.

    `rederive` comes when the standing changes by itself: the day after a consultation's term, or, while a consultation
    without a term keeps moving the due day, every night.
    """
    uow.cancel(application_id, *all_kinds(reminder_days), REDERIVE)
    planned = moments(standing, reminder_days, calendar)
    if planned and standing.due_on is not None:
        fired = await fired_kinds(uow, application_id, standing.due_on)
        for moment in planned:
            if moment.kind not in fired:
                uow.schedule(application_id, moment.kind, moment.at)
    if standing.moves_daily:
        uow.schedule(application_id, REDERIVE, end_of_day(uow.today))
    elif standing.paused_until is not None:
        uow.schedule(application_id, REDERIVE, end_of_day(standing.paused_until))


async def fired_kinds(uow: UnitOfWork, application_id: UUID, due_on: date) -> set[str]:
    """Return which timers of this due day have fired."""
    wanted = select(Reminder.kind).where(Reminder.application_id == application_id, Reminder.due_on == due_on)
    return set((await uow.session.execute(wanted)).scalars())
