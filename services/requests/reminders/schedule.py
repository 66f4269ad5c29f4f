"""Moves a case's timers to where its standing puts them, in the transaction that changed it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.rules import Standing
from services.requests.reminders.models import Reminder
from services.requests.reminders.rules import moments
from shared.calendar import Calendar, end_of_day
from shared.db.bulk import one_of
from shared.db.spine import timers
from shared.db.uow import UnitOfWork

REDERIVE = "rederive"


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
    for kind, at in wanted_timers(uow.today, standing, reminder_days, calendar, fired).items():
        uow.schedule(application_id, kind, at)


@dataclass(frozen=True)
class Scheduled:
    """A case whose timers are set together with those of others; `fired` as for one."""

    application_id: UUID
    standing: Standing
    calendar: Calendar
    fired: Collection[tuple[str, date]]


def reschedule_all(uow: UnitOfWork, cases: Iterable[Scheduled], reminder_days: Sequence[int]) -> None:
    """Set the timers of many cases anew: those that share their moments (most of them do) in one statement."""
    sharing: dict[tuple[tuple[str, datetime], ...], list[UUID]] = {}
    for case in cases:
        wanted = wanted_timers(uow.today, case.standing, reminder_days, case.calendar, case.fired)
        sharing.setdefault(tuple(wanted.items()), []).append(case.application_id)
    for moments_of_all, ids in sharing.items():
        for id in ids:
            uow.cancel(id)
        uow.schedule_all(ids, dict(moments_of_all))


def wanted_timers(
    today: date,
    standing: Standing,
    reminder_days: Sequence[int],
    calendar: Calendar,
    fired: Collection[tuple[str, date]],
) -> dict[str, datetime]:
    """Return when each timer of a case fires, by kind."""
    planned = moments(standing, reminder_days, calendar)
    wanted = {moment.kind: moment.at for moment in planned if (moment.kind, standing.due_on) not in fired}
    if standing.moves_daily:
        wanted[REDERIVE] = end_of_day(today)
    elif standing.paused_until is not None:
        wanted[REDERIVE] = end_of_day(standing.paused_until)
    return wanted


async def open_timers_of_many(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, dict[str, datetime]]:
    """Return to when the open timers of many cases are set, by kind, in one statement."""
    found: dict[UUID, dict[str, datetime]] = {}
    if ids:
        wanted = select(timers.c.subject, timers.c.kind, timers.c.due_at)
        of_these = wanted.where(one_of(timers.c.subject, ids), timers.c.fired_at.is_(None))
        for subject, kind, due_at in await uow.session.execute(of_these):
            found.setdefault(subject, {})[kind] = due_at
    return found


async def fired_kinds(uow: UnitOfWork, application_id: UUID) -> set[tuple[str, date]]:
    """Return which timers of a case have fired, each with the due day it was set for."""
    return (await fired_kinds_of_many(uow, [application_id])).get(application_id, set())


async def fired_kinds_of_many(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, set[tuple[str, date]]]:
    """Return the same for many cases in one statement."""
    columns = (Reminder.application_id, Reminder.kind, Reminder.due_on)
    of_these = select(*columns).where(one_of(Reminder.application_id, ids))
    found: dict[UUID, set[tuple[str, date]]] = {}
    for application_id, kind, due_on in await uow.session.execute(of_these):
        found.setdefault(application_id, set()).add((kind, due_on))
    return found
