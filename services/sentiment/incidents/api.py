"""Routes of incidents."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.sentiment.clocks.rules import NoClockInForce
from services.sentiment.incidents import commands, queries
from services.sentiment.incidents.rules import (
    IncidentIsClosed,
    LevelUnchanged,
    StartUnknown,
    StepsOutstanding,
    TimeInFuture,
    TimesOutOfOrder,
)
from services.sentiment.incidents.schemas import (
    ClosingInput,
    IncidentBody,
    IncidentInput,
    IncidentSummary,
    ReclassificationInput,
    State,
    incident_body,
    incident_summary,
)
from services.sentiment.settings import SentimentSettings
from services.sentiment.statutes import rule_set
from shared.auth import Staff
from shared.db.uow import audit_trail
from shared.events.sentiment import IncidentLevel
from shared.http.etags import IfMatch, etag, set_etag
from shared.http.idempotency import Idempotent
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write
from shared.http.timeline import Timeline, timeline_entries

router = APIRouter(prefix="/incidents", tags=["政务舆情"])


def _settings(request: Request) -> SentimentSettings:
    settings: SentimentSettings = request.app.state.deps.settings
    return settings


@router.post(
    "",
    status_code=201,
    response_model=IncidentBody,
    summary="登记舆情",
    responses=responses(422, examples={422: (TimeInFuture, TimesOutOfOrder, StartUnknown, NoClockInForce)}),
)
async def register_incident(body: IncidentInput, request: Request, principal: Staff, once: Idempotent) -> Response:
    """Register an incident (clerk); its hour clocks start at once, and those already over are escalated."""
    incident = await commands.register(
        once.uow, principal, body.command(), statutes=rule_set(), settings=_settings(request)
    )
    await once.uow.flush()
    shown = incident_body(await queries.view_of(once.uow.session, incident))
    headers = {"ETag": etag(incident.version), "Location": f"/api/sentiment/v1/incidents/{incident.id}"}
    return await once.answer(201, shown, headers)


@router.get("", summary="舆情列表")
async def list_incidents(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    state: Annotated[State | None, Query(description="办理状态")] = None,
    level: Annotated[IncidentLevel | None, Query(description="等级")] = None,
    agency_id: Annotated[UUID | None, Query(description="责任部门")] = None,
    overdue: Annotated[bool, Query(description="只看有步骤逾期的")] = False,
) -> PageBody[IncidentSummary]:
    """List the incidents of the caller's agencies, the newest first."""
    wanted = queries.Filter(state, level, agency_id, overdue)
    page = await queries.listing(session, principal, wanted, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, incident_summary)


@router.get("/{incident_id}", summary="舆情详情")
async def get_incident(incident_id: UUID, principal: Staff, session: Read, response: Response) -> IncidentBody:
    """Show an incident with each clock: due time, hours left and citation."""
    view = await queries.view(session, principal, incident_id)
    set_etag(response, view.incident.version)
    return incident_body(view)


@router.get("/{incident_id}/timeline", summary="办理轨迹")
async def get_incident_timeline(incident_id: UUID, principal: Staff, session: Read) -> Timeline:
    """Show who did what, when, from the audit trail."""
    await queries.check_visible(session, principal, incident_id)
    return Timeline(items=timeline_entries(await audit_trail(session, incident_id)))


@router.post(
    "/{incident_id}/reclassification",
    summary="调整等级",
    responses=responses(409, 422, examples={409: (LevelUnchanged, IncidentIsClosed), 422: (StartUnknown,)}),
)
async def reclassify_incident(
    incident_id: UUID,
    body: ReclassificationInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    uow: Write,
    response: Response,
) -> IncidentBody:
    """Correct the level (reviewer or approver); every clock is dated anew from the same start."""
    incident = await commands.reclassify(
        uow,
        principal,
        incident_id,
        version,
        body.level,
        body.reason,
        statutes=rule_set(),
        settings=_settings(request),
    )
    await uow.flush()
    set_etag(response, incident.version)
    return incident_body(await queries.view_of(uow.session, incident))


@router.post(
    "/{incident_id}/closing",
    summary="办结",
    responses=responses(409, examples={409: (StepsOutstanding, IncidentIsClosed)}),
)
async def close_incident(
    incident_id: UUID, body: ClosingInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> IncidentBody:
    """Close an incident: handled in all its steps, or (reviewer or approver) found to be none."""
    incident = await commands.close(uow, principal, incident_id, version, body.outcome, body.note)
    await uow.flush()
    set_etag(response, incident.version)
    return incident_body(await queries.view_of(uow.session, incident))
