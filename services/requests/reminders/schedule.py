"""Moves a case's timers to where its standing puts them, in the transaction that changed it."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.rules import Standing
from services.requests.reminders.models import Reminder
from services.requests.reminders.rules import all_kinds, moments
from shared.calendar import Calendar, end_of_day
from shared.db.uow import UnitOfWork

REDERIVE = "rederive"


def set_kinds(reminder_days: Sequence[int]) -> tuple[str, ...]:
    """Return every kind of timer that a case may have."""
    return (*all_kinds(reminder_days), REDERIVE)


def schedule(
    uow: UnitOfWork,
    application_id: UUID,
    standing: Standing,
    *,
    reminder_days: Sequence[int],
    calendar: Calendar,
    fired: Collection[tuple[str, date]],
) -> None:
    """Set the timers of this due day that have not fired yet.

    `rederive` comes when the standing changes by itself: the day after a consultation's term, or, while a consultation
    without a term keeps moving the due day, every night.
    """
    for moment in moments(standing, reminder_days, calendar):
        if (moment.kind, standing.due_on) not in fired:
            uow.schedule(application_id, moment.kind, moment.at)
    if standing.moves_daily:
        uow.schedule(application_id, REDERIVE, end_of_day(uow.today))
    elif standing.paused_until is not None:
        uow.schedule(application_id, REDERIVE, end_of_day(standing.paused_until))


async def fired_kinds(uow: UnitOfWork, application_id: UUID) -> set[tuple[str, date]]:
    """Return which timers of a case have fired, each with the due day it was set for."""
    return (await fired_kinds_of_many(uow, [application_id])).get(application_id, set())


async def fired_kinds_of_many(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, set[tuple[str, date]]]:
    """Return the same for many cases in one statement."""
    columns = (Reminder.application_id, Reminder.kind, Reminder.due_on)
    found: dict[UUID, set[tuple[str, date]]] = {}
    for application_id, kind, due_on in await uow.session.execute(
        select(*columns).where(Reminder.application_id.in_(ids))
    ):
        found.setdefault(application_id, set()).add((kind, due_on))
    return found
