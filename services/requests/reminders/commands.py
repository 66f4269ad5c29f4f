"""What happens when a case's timers fire. The day is read from the database's clock, the case from its history."""

from services.requests.applications.case import Case, load
from services.requests.desk import Desk
from services.requests.reminders.models import Reminder
from services.requests.reminders.rules import OVERDUE, days_of, latest_due, moments
from services.requests.reminders.schedule import fired_kinds
from services.requests.third_parties.commands import lapse_terms
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import requests as events
from shared.timers import DueTimer

SENT = "sent"
SUPERSEDED = "superseded"


async def remind(uow: UnitOfWork, desk: Desk, timer: DueTimer) -> None:
    """A reminder, or the overdue notice, is due. Of several due at once the latest is sent.

    One of a day that is no longer among the settings sends nothing: the case is planned by today's. What was sent
    under earlier settings counts, so nobody is reminded of an earlier day than before.
    """
    case = await load(uow, desk, timer.subject)
    case.rederive()
    due_on = case.standing.due_on
    planned = moments(case.standing, desk.settings.reminder_days, case.calendar)
    if due_on is None or timer.kind not in {moment.kind for moment in planned if moment.at <= uow.now}:
        await _follow(uow, case)
        return
    fired = await fired_kinds(uow, case.row.id)
    told = {days_of(kind) for kind, of in fired if of == due_on and kind != OVERDUE}
    counted = sorted({*told, *desk.settings.reminder_days})
    latest = latest_due(moments(case.standing, counted, case.calendar), uow.now)
    outcome = SENT if latest is not None and latest.kind == timer.kind else SUPERSEDED
    uow.session.add(
        Reminder(
            id=uuid7(),
            agency_id=case.row.agency_id,
            application_id=case.row.id,
            kind=timer.kind,
            due_on=due_on,
            outcome=outcome,
            fired_at=uow.now,
        )
    )
    case.fired = fired | {(timer.kind, due_on)}
    await _follow(uow, case)
    if outcome == SENT and timer.kind == OVERDUE:
        case.emit(uow, events.ApplicationOverdue)
    elif outcome == SENT:
        left = max(case.calendar.working_days_between(uow.today, due_on), 0)
        case.emit(uow, events.ApplicationDueSoon, days_left=left)
    case.audit(uow, timer.kind, outcome=outcome, due_at=timer.due_at)


async def rederive(uow: UnitOfWork, desk: Desk, timer: DueTimer) -> None:
    """A standing changed by itself: a consultation's term ended, or its silence moved the due day by one."""
    case = await load(uow, desk, timer.subject)
    await lapse_terms(uow, case)
    await _follow(uow, case)


async def _follow(uow: UnitOfWork, case: Case) -> None:
    """Write what the history says today, if that differs from the row; set the next timers in any case."""
    if case.rederive():
        await case.settle(uow)
    else:
        await case.reschedule(uow)
