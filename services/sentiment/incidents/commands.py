"""What is done with an incident. Each command loads it for update, asks the rules, and writes everything at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sentiment.clocks import commands as clocks
from services.sentiment.clocks.rules import HourClock, Step, missing_steps
from services.sentiment.clocks.rules import clocks as hour_clocks
from services.sentiment.incidents import rules
from services.sentiment.incidents.models import CLOSED, OPEN, Incident
from services.sentiment.incidents.rules import Outcome, Times
from services.sentiment.settings import SentimentSettings
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.events import sentiment as events
from shared.events.sentiment import IncidentLevel
from shared.replicas import agencies
from shared.statutes import RuleSet

REGISTRARS = (Role.CLERK,)
CLASSIFIERS = (Role.REVIEWER, Role.APPROVER)
CLOSERS: Mapping[Outcome, tuple[Role, ...]] = {
    Outcome.HANDLED: (Role.CLERK, Role.REVIEWER, Role.APPROVER),
    Outcome.UNFOUNDED: (Role.REVIEWER, Role.APPROVER),
}


@dataclass(frozen=True)
class NewIncident:
    """What a clerk reports."""

    agency_id: UUID
    title: str
    summary: str
    source: str
    level: IncidentLevel
    times: Times


async def register(
    uow: UnitOfWork, principal: Principal, new: NewIncident, *, statutes: RuleSet, settings: SentimentSettings
) -> Incident:
    """Register an incident and start its clocks; one whose hours are already over is escalated by its timer at once."""
    agency = await agencies.get(uow.session, new.agency_id)
    await require(uow.session, principal, REGISTRARS, new.agency_id)
    rules.check_times(new.times, uow.now)
    dated = hour_clocks(new.level, new.times, settings.start_policy, statutes)
    incident = Incident(
        id=uuid7(),
        agency_id=new.agency_id,
        version=1,
        title=new.title,
        summary=new.summary,
        source=new.source,
        level=new.level.value,
        state=OPEN,
        occurred_at=new.times.occurred_at,
        detected_at=new.times.detected_at,
        assigned_at=new.times.assigned_at,
        started_at=dated[0].started_at,
        registered_at=uow.now,
        registered_by=principal.subject,
    )
    uow.session.add(incident)
    await uow.session.flush()
    clocks.start(uow, incident, dated, settings.remind_before)
    registered = events.IncidentRegistered(
        incident_id=incident.id,
        title=incident.title,
        agency_name=agency.name,
        level=incident.level_value,
        started_at=incident.started_at,
        **_dues(dated),
    )
    uow.emit(registered, subject=incident.id, agency_id=incident.agency_id)
    details = {"level": new.level.value} | _dated(dated)
    uow.audit("incident.registered", subject=incident.id, agency_id=incident.agency_id, details=details)
    return incident


async def reclassify(
    uow: UnitOfWork,
    principal: Principal,
    incident_id: UUID,
    expected_version: int,
    level: IncidentLevel,
    reason: str,
    *,
    statutes: RuleSet,
    settings: SentimentSettings,
) -> Incident:
    """Give the incident another level, which dates its clocks anew."""
    incident = await load_open(uow, principal, CLASSIFIERS, incident_id, expected_version)
    before = incident.level_value
    rules.check_reclassification(before, level)
    dated = hour_clocks(level, incident.times, settings.start_policy, statutes)
    incident.level = level.value
    incident.started_at = dated[0].started_at
    incident.version += 1
    agency = await agencies.get(uow.session, incident.agency_id)
    reclassified = events.IncidentReclassified(
        incident_id=incident.id,
        title=incident.title,
        agency_name=agency.name,
        level=level,
        level_before=before,
        started_at=incident.started_at,
        **_dues(dated),
    )
    uow.emit(reclassified, subject=incident.id, agency_id=incident.agency_id)
    await clocks.redate(uow, incident, dated, settings.remind_before)
    details = {"from": before.value, "to": level.value, "reason": reason} | _dated(dated)
    uow.audit("incident.reclassified", subject=incident.id, agency_id=incident.agency_id, details=details)
    return incident


async def close(
    uow: UnitOfWork, principal: Principal, incident_id: UUID, expected_version: int, outcome: Outcome, note: str
) -> Incident:
    """End the incident; its timers end with it."""
    incident = await load_open(uow, principal, CLOSERS[outcome], incident_id, expected_version)
    rows = await clocks.by_step(uow, incident.id)
    rules.check_closing(outcome, missing_steps({step: row.state for step, row in rows.items()}))
    incident.state = CLOSED
    incident.closed_at = uow.now
    incident.outcome = outcome.value
    incident.closing_note = note
    incident.version += 1
    uow.cancel(incident.id)
    agency = await agencies.get(uow.session, incident.agency_id)
    closed = events.IncidentClosed(
        incident_id=incident.id,
        title=incident.title,
        agency_name=agency.name,
        level=incident.level_value,
    )
    uow.emit(closed, subject=incident.id, agency_id=incident.agency_id)
    details = {"outcome": outcome.value, "note": note}
    uow.audit("incident.closed", subject=incident.id, agency_id=incident.agency_id, details=details)
    return incident


async def load_open(
    uow: UnitOfWork, principal: Principal, roles: Iterable[Role], incident_id: UUID, expected_version: int
) -> Incident:
    """Load an incident for update; raises NotFound, Forbidden, VersionMismatch or IncidentIsClosed, in this order."""
    incident = await uow.session.get(Incident, incident_id, with_for_update=True)
    if incident is None:
        raise NotFound("没有这件舆情。")
    await require(uow.session, principal, roles, incident.agency_id)
    if incident.version != expected_version:
        raise VersionMismatch(f"当前版本为 {incident.version}。")
    if incident.state != OPEN:
        raise rules.IncidentIsClosed()
    return incident


def _dues(dated: Sequence[HourClock]) -> dict[str, datetime | None]:
    due_by_step = {clock.step: clock.due_at for clock in dated}
    return {f"{step.value}_due_at": due_by_step.get(step) for step in Step}


def _dated(dated: Sequence[HourClock]) -> dict[str, str]:
    return {f"{clock.step.value}_due_at": clock.due_at.isoformat() for clock in dated}
