"""What happens to clocks: started, dated anew, reminded of, escalated. The incident's row is locked by the caller.

Invariant: a missed limit is escalated exactly once, whether its timer, a late response or a new date reveals it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from services.sentiment.clocks import rules
from services.sentiment.clocks.models import StepClock
from services.sentiment.clocks.rules import HourClock, Step
from services.sentiment.incidents.models import OPEN, Incident
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import sentiment as events
from shared.replicas import agencies

REMIND = "due_soon"
ESCALATE = "overdue"


def timer_kind(step: Step, what: str) -> str:
    """Return the kind of a step's timer: one open timer of each kind per incident."""
    return f"{step.value}_{what}"


async def by_step(uow: UnitOfWork, incident_id: UUID) -> dict[Step, StepClock]:
    """Return the clocks in force of an incident."""
    query = select(StepClock).where(StepClock.incident_id == incident_id, StepClock.withdrawn_at.is_(None))
    return {row.step_value: row for row in (await uow.session.execute(query.order_by(StepClock.due_at))).scalars()}


def start(uow: UnitOfWork, incident: Incident, clocks: Sequence[HourClock], remind_before: timedelta) -> None:
    """Start the clocks of a new incident; a timer that is due already fires at once."""
    for clock in clocks:
        uow.session.add(_row(incident, clock))
        _set_timers(uow, incident, clock.step, clock.due_at, remind_before)


async def redate(uow: UnitOfWork, incident: Incident, clocks: Sequence[HourClock], remind_before: timedelta) -> None:
    """Date the clocks anew; a step no longer asked for is withdrawn, one that was done keeps its time."""
    rows = await by_step(uow, incident.id)
    wanted = {clock.step: clock for clock in clocks}
    for step, row in rows.items():
        _stop_timers(uow, incident, step)
        if step not in wanted:
            row.withdrawn_at = uow.now
    for step, clock in wanted.items():
        known = rows.get(step)
        row = known or await _again(uow, incident, clock)
        if known is not None:
            _apply(row, clock)
        if row.done_at is None:
            _set_timers(uow, incident, step, clock.due_at, remind_before)
        else:
            row.in_time = rules.in_time(row.due_at, row.done_at)
            await escalate_if_missed(uow, incident, row)


async def mark_done(uow: UnitOfWork, incident: Incident, row: StepClock, done_at: datetime, in_time: bool) -> None:
    """Record that a step was done; one done too late is escalated here if its timer has not done so."""
    row.done_at, row.in_time = done_at, in_time
    _stop_timers(uow, incident, row.step_value)
    await escalate_if_missed(uow, incident, row)


async def remind(uow: UnitOfWork, incident_id: UUID, step: Step) -> None:
    """Timer: tell the handlers that a step is due soon; after its due time only the escalation speaks."""
    incident, row = await _of_timer(uow, incident_id, step)
    if incident is None or row is None or row.done_at is not None:
        return
    if not rules.must_remind(row.state, uow.now):
        uow.audit("incident.reminder_superseded", subject=incident.id, agency_id=incident.agency_id, details=_of(row))
        return
    row.reminded_at = uow.now
    agency = await agencies.get(uow.session, incident.agency_id)
    uow.emit(
        events.IncidentDueSoon(
            incident_id=incident.id,
            title=incident.title,
            agency_name=agency.name,
            level=incident.level_value,
            step=row.step,
            due_at=row.due_at,
        ),
        subject=incident.id,
        agency_id=incident.agency_id,
    )
    uow.audit("incident.reminded", subject=incident.id, agency_id=incident.agency_id, details=_of(row))


async def run_out(uow: UnitOfWork, incident_id: UUID, step: Step) -> None:
    """Timer: a step's hours are over."""
    incident, row = await _of_timer(uow, incident_id, step)
    if incident is not None and row is not None:
        await escalate_if_missed(uow, incident, row)


async def escalate_if_missed(uow: UnitOfWork, incident: Incident, row: StepClock) -> None:
    """Tell the supervisor of a missed limit, once; the event says since when it is missed."""
    if not rules.must_escalate(row.state, uow.now):
        return
    row.escalated_at = uow.now
    agency = await agencies.get(uow.session, incident.agency_id)
    uow.emit(
        events.IncidentEscalated(
            incident_id=incident.id,
            title=incident.title,
            agency_name=agency.name,
            level=incident.level_value,
            step=row.step,
            due_at=row.due_at,
            citation=row.citation,
        ),
        subject=incident.id,
        agency_id=incident.agency_id,
    )
    uow.audit("incident.escalated", subject=incident.id, agency_id=incident.agency_id, details=_of(row))


async def _of_timer(uow: UnitOfWork, incident_id: UUID, step: Step) -> tuple[Incident | None, StepClock | None]:
    incident = await uow.session.get(Incident, incident_id, with_for_update=True)
    if incident is None or incident.state != OPEN:
        return None, None
    return incident, (await by_step(uow, incident_id)).get(step)


def _row(incident: Incident, clock: HourClock) -> StepClock:
    row = StepClock(id=uuid7(), agency_id=incident.agency_id, incident_id=incident.id, step=clock.step.value)
    _apply(row, clock)
    return row


async def _again(uow: UnitOfWork, incident: Incident, clock: HourClock) -> StepClock:
    """Return a new row for a step; one that was done before an earlier reclassification took it away stays done."""
    done = select(StepClock.done_at).where(
        StepClock.incident_id == incident.id, StepClock.step == clock.step.value, StepClock.done_at.is_not(None)
    )
    row = _row(incident, clock)
    row.done_at = (await uow.session.execute(done.limit(1))).scalar()
    uow.session.add(row)
    return row


def _apply(row: StepClock, clock: HourClock) -> None:
    """Give the row its date. A moved due time may be reminded of and escalated again; an unmoved one is not."""
    if row.due_at != clock.due_at:
        row.reminded_at = row.escalated_at = None
    row.started_at, row.due_at, row.hours = clock.started_at, clock.due_at, clock.hours
    row.rule_id, row.citation = clock.rule_id, clock.citation
    row.grade, row.unconfirmed = clock.grade, clock.unconfirmed


def _set_timers(uow: UnitOfWork, incident: Incident, step: Step, due_at: datetime, remind_before: timedelta) -> None:
    remind_at = rules.remind_at(due_at, remind_before, uow.now)
    if remind_at is not None:
        uow.schedule(incident.id, timer_kind(step, REMIND), remind_at, {"step": step.value})
    uow.schedule(incident.id, timer_kind(step, ESCALATE), due_at, {"step": step.value})


def _stop_timers(uow: UnitOfWork, incident: Incident, step: Step) -> None:
    uow.cancel(incident.id, timer_kind(step, REMIND), timer_kind(step, ESCALATE))


def _of(row: StepClock) -> dict[str, str]:
    return {"step": row.step, "due_at": row.due_at.isoformat(), "citation": row.citation}
