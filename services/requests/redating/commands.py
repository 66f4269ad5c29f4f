"""Dating open cases anew after a holiday notice, or planning their reminders anew after these were set to other days.

In the background, a chunk a transaction, resumable.

The job's row is locked while a chunk is at work and remembers how far it came, so that several workers share the
jobs, a killed one loses at most its own chunk, and no case is dated twice by one job. Closed cases are never touched.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text, update

from services.requests.applications.case import Case, derived, facts_of_many
from services.requests.applications.history import CLOCKED, Position, Standings
from services.requests.applications.models import Application
from services.requests.desk import Desk
from services.requests.redating.models import Redating
from services.requests.redating.rules import first_changed_on
from services.requests.reminders.rules import PREFIX, moments
from services.requests.reminders.schedule import (
    Scheduled,
    fired_kinds_of_many,
    open_timers_of_many,
    reschedule_all,
    wanted_timers,
)
from services.requests.third_parties.commands import redate_terms
from shared.db.ids import uuid7
from shared.db.uow import NO_AGENCY, UnitOfWork
from shared.events import Envelope
from shared.events import requests as events
from shared.events.catalog import CalendarPublished
from shared.events.requests import ApplicationState
from shared.replicas import calendars, packaged
from shared.replicas.place import place_of

COLUMNS = (
    Application.id,
    Application.agency_id,
    Application.receipt_number,
    Application.recipient_ref,
    Application.received_on,
    Application.regulation_override,
    Application.state,
    Application.due_on,
    Application.provisional,
    Application.left_days,
    Application.paused_until,
)
REDATED = text("""
    UPDATE applications SET version = version + 1, state = new.state, due_on = new.due_on,
        provisional = new.provisional, left_days = new.left_days, paused_until = new.paused_until
    FROM unnest(CAST(:id AS uuid[]), CAST(:state AS text[]), CAST(:due_on AS date[]), CAST(:provisional AS boolean[]),
        CAST(:left_days AS integer[]), CAST(:paused_until AS date[]))
        AS new(id, state, due_on, provisional, left_days, paused_until)
    WHERE applications.id = new.id
""")


async def on_calendar_published(uow: UnitOfWork, envelope: Envelope[CalendarPublished]) -> None:
    """Keep the notice, and ask for the open cases that it can touch to be dated anew."""
    local = envelope.data.local_agency_id
    before = await calendars.current(uow.session, local)
    if not await calendars.keep(uow, envelope.data):
        return
    changed_on = first_changed_on(before, await calendars.current(uow.session, local))
    if changed_on is None:
        return
    notice = f"{envelope.data.notice_number}（第{envelope.data.version}版）"
    _ask(uow, envelope.agency_id, notice, changed_on)


async def on_release(uow: UnitOfWork) -> None:
    """Ask for the same when this release packages other years than the one before it: no event tells of them."""
    changed_on = await packaged.note_release(uow)
    if changed_on is not None:
        _ask(uow, NO_AGENCY, "随新版本安装的放假安排", changed_on)


async def on_setting(uow: UnitOfWork, desk: Desk) -> None:
    """Ask for the reminders of open cases to be planned anew when they were planned last for other days.

    What the days were before is not known where nobody has asked yet: then it is asked once. Workers that start at
    once may ask twice; the second walk finds nothing to do.
    """
    days = _days(desk)
    noted = select(Redating.reminder_days).where(Redating.reminder_days.is_not(None)).order_by(Redating.id.desc())
    if (await uow.session.execute(noted.limit(1))).scalar() == days:
        return
    of_others = Redating.reminder_days.is_not(None) & Redating.finished_at.is_(None)
    await uow.session.execute(update(Redating).where(of_others).values(finished_at=uow.now))
    _ask(uow, NO_AGENCY, f"提醒天数设为 {days}", uow.today, days)


def _days(desk: Desk) -> str:
    return ",".join(map(str, desk.settings.reminder_days))


def _ask(uow: UnitOfWork, agency_id: UUID, notice: str, changed_on: date, reminder_days: str | None = None) -> None:
    job = Redating(
        id=uuid7(),
        agency_id=agency_id,
        notice=notice,
        first_changed_on=changed_on,
        reminder_days=reminder_days,
        looked_at=0,
        changed=0,
        requested_at=uow.now,
    )
    uow.session.add(job)
    details = {"notice": notice, "first_changed_on": changed_on}
    uow.audit("redating.requested", subject=job.id, agency_id=agency_id, details=details)


async def redate_chunk(uow: UnitOfWork, desk: Desk) -> bool:
    """Date the next chunk of the oldest open job; return whether anything was left to do.

    A worker that still has other days leaves a new setting's job to those that were started with it.
    """
    ours = Redating.reminder_days.is_(None) | (Redating.reminder_days == _days(desk))
    unfinished = select(Redating).where(Redating.finished_at.is_(None), ours).order_by(Redating.id).limit(1)
    job = (await uow.session.execute(unfinished.with_for_update(skip_locked=True))).scalar_one_or_none()
    if job is None:
        return False
    rows = await _candidates(uow, job, desk.settings.redating_chunk)
    cases = await _cases(uow, desk, rows)
    changed = [case for case in cases if _differs(case)]
    staying = [case for case in cases if not _differs(case)]
    set_to = await open_timers_of_many(uow, [case.row.id for case in staying])
    changed += await _moved_inside(uow, desk, staying, set_to)
    for case in changed:
        await _redate(uow, case)
    await _write(uow, desk, changed)
    job.changed += len(changed)
    if job.reminder_days is not None:
        written = {case.row.id for case in changed}
        left = [case for case in staying if case.row.id not in written]
        replanned = [case for case in left if _reminders_differ(uow, desk, case, set_to.get(case.row.id, {}))]
        _plan(uow, desk, replanned)
        job.changed += len(replanned)
    job.looked_at += len(rows)
    if rows:
        job.last_id = rows[-1].id
    if len(rows) < desk.settings.redating_chunk:
        job.finished_at = uow.now
        details = {"notice": job.notice, "looked_at": job.looked_at, "changed": job.changed}
        uow.audit("redating.finished", subject=job.id, agency_id=job.agency_id, details=details)
    return True


async def _candidates(uow: UnitOfWork, job: Redating, limit: int) -> list[Any]:
    """Lock the next open cases whose due day the notice can touch, in order of id.

    They come as plain rows of the columns a re-dating reads: a mapped object costs five times as much.
    """
    wanted = select(*COLUMNS).where(Application.closed_on.is_(None), Application.due_on >= job.first_changed_on)
    if job.last_id is not None:
        wanted = wanted.where(Application.id > job.last_id)
    ordered = wanted.order_by(Application.id).limit(limit)
    return list(await uow.session.execute(ordered.with_for_update()))


async def _cases(uow: UnitOfWork, desk: Desk, rows: list[Any]) -> list[Case]:
    """Take the rows in hand; a constant number of statements, plus one for each agency."""
    facts = await facts_of_many(uow.session, [row.id for row in rows], CLOCKED)
    places = {agency_id: await place_of(uow, agency_id) for agency_id in {row.agency_id for row in rows}}
    fired = await fired_kinds_of_many(uow, [row.id for row in rows])
    readers = {place.calendar: Standings(place.calendar, desk.rules, uow.today) for place in places.values()}
    cases = []
    for row in rows:
        agency, of_case = places[row.agency_id], facts.get(row.id, [])
        stands = readers[agency.calendar].of(Position(row.received_on, row.regulation_override), of_case)
        case = Case(row, of_case, agency, agency.calendar, desk, uow.today, stands)
        case.fired = fired.get(row.id, set())
        cases.append(case)
    return cases


def _differs(case: Case) -> bool:
    return (case.row.due_on, case.row.provisional) != (case.standing.due_on, case.standing.provisional)


async def _moved_inside(
    uow: UnitOfWork, desk: Desk, cases: list[Case], set_to: dict[UUID, dict[str, datetime]]
) -> list[Case]:
    """Return those whose due day stays while days swapped before it move a reminder, a pause or a term.

    What they were dated by is what is on record: the timers that are set, the pause in the row, the terms.
    """
    moved = []
    for case in cases:
        terms_moved = case.has_consultations and await redate_terms(uow, case)
        timers = set_to.get(case.row.id, {})
        planned = moments(case.standing, desk.settings.reminder_days, case.calendar)
        timers_move = any(timers.get(moment.kind, moment.at) != moment.at for moment in planned)
        if terms_moved or timers_move or _pause_differs(case):
            moved.append(case)
    return moved


def _reminders_differ(uow: UnitOfWork, desk: Desk, case: Case, set_to: dict[str, datetime]) -> bool:
    days, fired = desk.settings.reminder_days, case.fired or ()
    wanted = wanted_timers(uow.today, case.standing, days, case.calendar, fired)
    return any(kind.startswith(PREFIX) for kind in wanted.keys() ^ set_to.keys())


def _pause_differs(case: Case) -> bool:
    """What is left stands still in a pause, so the row keeps it; of a running case each reader counts it anew."""
    row, now = case.row, case.standing
    if row.state != now.state or now.state is not ApplicationState.PAUSED:
        return False
    return bool((row.paused_until, row.left_days) != (now.paused_until, now.left))


async def _redate(uow: UnitOfWork, case: Case) -> None:
    """Tell of a case; its row and its timers are written with those of the whole chunk."""
    if case.has_consultations:
        await redate_terms(uow, case)
    told = {"due_on_before": case.row.due_on, "calendar_version": case.calendar.version}
    if _differs(case):
        case.emit(uow, events.ApplicationRedated, **told)
    case.audit(uow, "redated", **told)


async def _write(uow: UnitOfWork, desk: Desk, cases: list[Case]) -> None:
    """Write what is derived of many cases, in a statement for the rows and one for each set of timers."""
    if not cases:
        return
    new = [derived(case.standing) for case in cases]
    columns: dict[str, Any] = {name: [values[name] for values in new] for name in new[0]}
    await uow.session.execute(REDATED, columns | {"id": [case.row.id for case in cases]})
    _plan(uow, desk, cases)


def _plan(uow: UnitOfWork, desk: Desk, cases: list[Case]) -> None:
    scheduled = (Scheduled(case.row.id, case.standing, case.calendar, case.fired or ()) for case in cases)
    reschedule_all(uow, scheduled, desk.settings.reminder_days)
