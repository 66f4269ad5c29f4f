"""Routes of obligations and their dated instances."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.catalog.obligations import commands, queries
from services.catalog.obligations.generation import Ahead
from services.catalog.obligations.rules import (
    Cadence,
    CadenceIncomplete,
    EventInFuture,
    EventRecorded,
    EvidenceNotPublic,
    EvidenceTooOld,
    InstanceClosed,
    InstanceState,
    IntervalNotAllowed,
    NotTriggered,
    ObligationKeyTaken,
)
from services.catalog.obligations.schemas import (
    EventInput,
    FulfilmentInput,
    InstanceBody,
    IntervalInput,
    ObligationBody,
    ObligationInput,
    instance_body,
    obligation_body,
)
from services.catalog.settings import CatalogSettings
from shared.auth import Staff
from shared.calendar import OutsideCalendar
from shared.http.bodies import Day
from shared.http.etags import IfMatch, etag, set_etag
from shared.http.idempotency import Idempotent
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write

router = APIRouter(prefix="/obligations", tags=["公开义务"])
instances = APIRouter(prefix="/obligation-instances", tags=["公开义务"])


def _ahead(request: Request) -> Ahead:
    settings: CatalogSettings = request.app.state.deps.settings
    return settings.ahead


@router.get("", summary="公开义务列表")
async def list_obligations(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    agency_id: Annotated[UUID | None, Query(description="责任机关")] = None,
    cadence: Annotated[Cadence | None, Query(description="公开频次")] = None,
) -> PageBody[ObligationBody]:
    """List the obligations of the caller's agencies."""
    page = await queries.listing(
        session, principal, agency_id=agency_id, cadence=cadence, cursor=params.cursor, limit=params.limit
    )
    return paged(request, response, page, obligation_body)


@router.post(
    "",
    status_code=201,
    response_model=ObligationBody,
    summary="登记公开义务",
    responses=responses(
        404, 409, 422, examples={409: (ObligationKeyTaken,), 422: (CadenceIncomplete, OutsideCalendar)}
    ),
)
async def create_obligation(body: ObligationInput, request: Request, principal: Staff, once: Idempotent) -> Response:
    """Enter an obligation (supervisor or admin); one with a numeric cadence gets its dated instances at once."""
    obligation = await commands.create_obligation(once.uow, principal, body.agency_id, body.new(), _ahead(request))
    shown = obligation_body(await queries.view_of(once.uow.session, obligation))
    headers = {"ETag": etag(obligation.version), "Location": f"/api/catalog/v1/obligations/{obligation.id}"}
    return await once.answer(201, shown, headers)


@router.get("/{obligation_id}", summary="公开义务详情")
async def get_obligation(obligation_id: UUID, principal: Staff, session: Read, response: Response) -> ObligationBody:
    """Show an obligation."""
    view = await queries.get(session, principal, obligation_id)
    set_etag(response, view.obligation.version)
    return obligation_body(view)


@router.put(
    "/{obligation_id}/interval",
    summary="设定公开间隔",
    responses=responses(409, examples={409: (IntervalNotAllowed,)}),
)
async def set_obligation_interval(
    obligation_id: UUID,
    body: IntervalInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    uow: Write,
    response: Response,
) -> ObligationBody:
    """Give an obligation without a numeric cadence the agency's own interval (approver or supervisor)."""
    obligation = await commands.set_interval(
        uow, principal, obligation_id, version, body.interval_days, _ahead(request)
    )
    set_etag(response, obligation.version)
    return obligation_body(await queries.view_of(uow.session, obligation))


@router.post(
    "/{obligation_id}/events",
    status_code=201,
    response_model=InstanceBody,
    summary="记录触发事项",
    responses=responses(409, 422, examples={409: (NotTriggered, EventRecorded), 422: (EventInFuture, OutsideCalendar)}),
)
async def record_obligation_event(
    obligation_id: UUID,
    body: EventInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    once: Idempotent,
) -> Response:
    """Record that the awaited event happened (clerk or supervisor): its instance is due within the source's limit."""
    obligation, instance = await commands.record_event(
        once.uow, principal, obligation_id, version, body.happened_on, _ahead(request)
    )
    shown = instance_body(await queries.instance_view(once.uow.session, instance))
    headers = {"Location": f"/api/catalog/v1/obligation-instances/{instance.id}", "ETag": etag(obligation.version)}
    return await once.answer(201, shown, headers)


@instances.get("", summary="公开任务列表")
async def list_obligation_instances(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    agency_id: Annotated[UUID | None, Query(description="责任机关")] = None,
    obligation_id: Annotated[UUID | None, Query(description="公开义务")] = None,
    state: Annotated[InstanceState | None, Query(description="open 待公开、overdue 逾期、fulfilled 已公开")] = None,
    due_from: Annotated[Day | None, Query(description="期限起")] = None,
    due_to: Annotated[Day | None, Query(description="期限止")] = None,
) -> PageBody[InstanceBody]:
    """List dated instances of the caller's agencies, the earliest due first."""
    page = await queries.instances(
        session,
        principal,
        agency_id=agency_id,
        obligation_id=obligation_id,
        state=state,
        due_from=due_from,
        due_to=due_to,
        cursor=params.cursor,
        limit=params.limit,
    )
    return paged(request, response, page, instance_body)


@instances.get("/{instance_id}", summary="公开任务详情")
async def get_obligation_instance(
    instance_id: UUID, principal: Staff, session: Read, response: Response
) -> InstanceBody:
    """Show a dated instance."""
    view = await queries.get_instance(session, principal, instance_id)
    set_etag(response, view.instance.version)
    return instance_body(view)


@instances.post(
    "/{instance_id}/fulfilment",
    summary="以公文完成公开任务",
    responses=responses(409, examples={409: (InstanceClosed, EvidenceNotPublic, EvidenceTooOld)}),
)
async def fulfil_obligation_instance(
    instance_id: UUID, body: FulfilmentInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> InstanceBody:
    """Link the published document that fulfils the instance (clerk or supervisor)."""
    instance = await commands.fulfil_instance(uow, principal, instance_id, version, body.document_id)
    set_etag(response, instance.version)
    return instance_body(await queries.instance_view(uow.session, instance))
