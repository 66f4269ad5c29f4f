"""Reads of incidents: a page costs the same number of statements however many it shows."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select

from services.sentiment.clocks.models import StepClock
from services.sentiment.incidents.models import OPEN, Incident
from services.sentiment.responses.models import Response
from shared.auth import Principal, Role
from shared.auth.scope import require, visible
from shared.db.clock import read_now
from shared.db.pages import Page, page
from shared.db.sessions import AnySession, ReadSession
from shared.errors import NotFound
from shared.events.sentiment import IncidentLevel
from shared.replicas import agencies

READERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER, Role.SUPERVISOR)


@dataclass(frozen=True)
class Filter:
    """What a list shows."""

    state: str | None = None
    level: IncidentLevel | None = None
    agency_id: UUID | None = None
    overdue: bool = False


@dataclass(frozen=True)
class View:
    """An incident with everything that is shown of it, at `now`."""

    incident: Incident
    agency_name: str
    clocks: tuple[StepClock, ...]
    responses: tuple[Response, ...]
    now: datetime


async def listing(
    session: AnySession, principal: Principal, wanted: Filter, *, cursor: str | None, limit: int
) -> Page[View]:
    """Return a page of the incidents the principal may see, the newest first, without their responses."""
    seen = await visible(session, principal, READERS)
    now = await read_now(session)
    query = select(Incident).where(Incident.agency_id.in_(seen))
    if wanted.state is not None:
        query = query.where(Incident.state == wanted.state)
    if wanted.level is not None:
        query = query.where(Incident.level == wanted.level.value)
    if wanted.agency_id is not None:
        query = query.where(Incident.agency_id == wanted.agency_id)
    if wanted.overdue:
        missed = select(StepClock.id).where(
            StepClock.incident_id == Incident.id,
            StepClock.withdrawn_at.is_(None),
            StepClock.done_at.is_(None),
            StepClock.due_at <= now,
        )
        query = query.where(Incident.state == OPEN, missed.exists())
    found = await page(session, query, [(Incident.id, UUID)], cursor=cursor, limit=limit, descending=True)
    ids = [incident.id for incident in found.items]
    clocks = await _clocks(session, ids)
    names = await agencies.names(session, [incident.agency_id for incident in found.items])
    views = [View(i, names.get(i.agency_id, ""), tuple(clocks[i.id]), (), now) for i in found.items]
    return Page(views, found.next_cursor)


async def view(session: AnySession, principal: Principal, incident_id: UUID) -> View:
    """Return one incident with its clocks, the withdrawn ones too, and its responses."""
    incident = await _visible(session, principal, incident_id)
    return await view_of(session, incident)


async def view_of(session: AnySession, incident: Incident) -> View:
    """Return what is shown of an incident that the caller may see."""
    clocks = await _clocks(session, [incident.id], withdrawn=True)
    responses = await session.execute(
        select(Response).where(Response.incident_id == incident.id).order_by(Response.responded_at, Response.id)
    )
    names = await agencies.names(session, [incident.agency_id])
    return View(
        incident,
        names.get(incident.agency_id, ""),
        tuple(clocks[incident.id]),
        tuple(responses.scalars()),
        await read_now(session),
    )


async def check_visible(session: AnySession, principal: Principal, incident_id: UUID) -> None:
    """Raise NotFound or Forbidden unless the principal may see the incident."""
    await _visible(session, principal, incident_id)


async def _visible(session: AnySession, principal: Principal, incident_id: UUID) -> Incident:
    incident = await session.get(Incident, incident_id)
    if incident is None:
        raise NotFound("没有这件舆情。")
    await require(session, principal, READERS, incident.agency_id)
    return incident


async def _clocks(
    session: AnySession, incident_ids: Iterable[UUID], *, withdrawn: bool = False
) -> dict[UUID, list[StepClock]]:
    query = select(StepClock).where(StepClock.incident_id.in_(list(incident_ids))).order_by(StepClock.due_at)
    if not withdrawn:
        query = query.where(StepClock.withdrawn_at.is_(None))
    by_incident: dict[UUID, list[StepClock]] = defaultdict(list)
    for clock in (await session.execute(query)).scalars():
        by_incident[clock.incident_id].append(clock)
    return by_incident


async def count_open(session: ReadSession) -> float:
    """Gauge: incidents not closed yet."""
    return float((await session.execute(select(func.count()).where(Incident.state == OPEN))).scalar_one())


async def count_overdue_steps(session: ReadSession) -> float:
    """Gauge: steps of open incidents whose hours are over."""
    now = await read_now(session)
    query = (
        select(func.count())
        .select_from(StepClock)
        .join(Incident, Incident.id == StepClock.incident_id)
        .where(
            Incident.state == OPEN,
            StepClock.withdrawn_at.is_(None),
            StepClock.done_at.is_(None),
            StepClock.due_at <= now,
        )
    )
    return float((await session.execute(query)).scalar_one())
