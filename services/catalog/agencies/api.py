"""Routes of agencies."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.catalog.agencies import commands, queries
from services.catalog.agencies.rules import AgencyCodeTaken, AgencyLevel, AgencyTreeLoop, ParentInactive
from services.catalog.agencies.schemas import AgencyBody, AgencyChange, AgencyInput, Code, agency_body
from shared.auth import Staff
from shared.http.bodies import Line
from shared.http.etags import IfMatch, etag, set_etag
from shared.http.idempotency import Idempotent
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write

router = APIRouter(prefix="/agencies", tags=["行政机关"])


@router.get("", summary="行政机关列表", openapi_extra=PUBLIC)
async def list_agencies(
    request: Request,
    response: Response,
    session: Read,
    params: PageParams,
    parent_id: Annotated[UUID | None, Query(description="上级机关")] = None,
    level: Annotated[AgencyLevel | None, Query(description="行政层级")] = None,
    active: Annotated[bool | None, Query(description="是否存续")] = None,
    code: Annotated[Code | None, Query(description="机构代码")] = None,
    name: Annotated[Line | None, Query(description="名称中的文字", examples=["应急管理"])] = None,
) -> PageBody[AgencyBody]:
    """List agencies in the order of their codes; public (条例第二十条第二项)."""
    page = await queries.listing(
        session,
        parent_id=parent_id,
        level=level,
        active=active,
        code=code,
        name=name,
        cursor=params.cursor,
        limit=params.limit,
    )
    return paged(request, response, page, agency_body)


@router.get("/{agency_id}", summary="行政机关详情", openapi_extra=PUBLIC)
async def get_agency(agency_id: UUID, session: Read, response: Response) -> AgencyBody:
    """Show one agency."""
    agency = await queries.get(session, agency_id)
    set_etag(response, agency.version)
    return agency_body(agency)


@router.post(
    "",
    status_code=201,
    response_model=AgencyBody,
    summary="新增行政机关",
    responses=responses(404, 409, examples={409: (AgencyCodeTaken, ParentInactive)}),
)
async def create_agency(body: AgencyInput, principal: Staff, once: Idempotent) -> Response:
    """Add an agency (admin of the superior agency); the other services learn of it by an event."""
    agency = await commands.create_agency(once.uow, principal, body.code, body.data())
    headers = {"ETag": etag(agency.version), "Location": f"/api/catalog/v1/agencies/{agency.id}"}
    return await once.answer(201, agency_body(agency), headers)


@router.put(
    "/{agency_id}",
    summary="变更行政机关",
    responses=responses(409, examples={409: (AgencyTreeLoop, ParentInactive)}),
)
async def change_agency(
    agency_id: UUID, body: AgencyChange, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> AgencyBody:
    """Rename, move or close an agency (admin)."""
    agency = await commands.change_agency(uow, principal, agency_id, body.data(), version)
    set_etag(response, agency.version)
    return agency_body(agency)
