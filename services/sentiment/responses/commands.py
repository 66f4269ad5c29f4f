"""Recording a response: it does a step, or continues after one."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.sentiment.clocks import commands as clocks
from services.sentiment.incidents.commands import load_open
from services.sentiment.incidents.models import Incident
from services.sentiment.responses import rules
from services.sentiment.responses.models import Response
from services.sentiment.responses.rules import Kind
from shared.auth import Principal, Role
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import sentiment as events
from shared.replicas import agencies

RECORDERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER)


@dataclass(frozen=True)
class NewResponse:
    """What was said, where and when."""

    kind: Kind
    responded_at: datetime
    outlet: str
    url: str | None
    summary: str


async def record(
    uow: UnitOfWork, principal: Principal, incident_id: UUID, expected_version: int, new: NewResponse
) -> tuple[Incident, Response]:
    """Record a response that was given; the step it does is done at the moment it was given, not at the recording."""
    incident = await load_open(uow, principal, RECORDERS, incident_id, expected_version)
    rows = await clocks.by_step(uow, incident.id)
    states = {step: row.state for step, row in rows.items()}
    in_time = rules.decide(new.kind, new.responded_at, states, incident.started_at, uow.now)
    response = Response(
        id=uuid7(),
        agency_id=incident.agency_id,
        incident_id=incident.id,
        kind=new.kind.value,
        responded_at=new.responded_at,
        in_time=in_time,
        outlet=new.outlet,
        url=new.url,
        summary=new.summary,
        recorded_at=uow.now,
        recorded_by=principal.subject,
    )
    uow.session.add(response)
    incident.version += 1
    if new.kind.step is not None and in_time is not None:
        await clocks.mark_done(uow, incident, rows[new.kind.step], new.responded_at, in_time)
    agency = await agencies.get(uow.session, incident.agency_id)
    responded = events.IncidentResponded(
        incident_id=incident.id,
        title=incident.title,
        agency_name=agency.name,
        level=incident.level_value,
        step=new.kind.value,
        responded_at=new.responded_at,
        in_time=in_time,
    )
    uow.emit(responded, subject=incident.id, agency_id=incident.agency_id)
    details = {"kind": new.kind.value, "responded_at": new.responded_at.isoformat(), "in_time": in_time}
    uow.audit("incident.responded", subject=incident.id, agency_id=incident.agency_id, details=details)
    return incident, response
