"""Routes of local values."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.catalog.local_rules import commands, queries
from services.catalog.local_rules.rules import LaxerThanNational, LaxerThanSuperior, NotSettable
from services.catalog.local_rules.schemas import LocalValueBody, LocalValueInput, local_value_body
from shared.auth import Staff
from shared.http.idempotency import Idempotent
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read
from shared.statutes import UnknownRule

router = APIRouter(prefix="/local-values", tags=["适用的法规条款"])


@router.get("", summary="机关自定的数值", openapi_extra=PUBLIC)
async def list_local_values(
    request: Request,
    response: Response,
    session: Read,
    params: PageParams,
    agency_id: Annotated[UUID | None, Query(description="机关")] = None,
) -> PageBody[LocalValueBody]:
    """List what agencies set for themselves, with author and reason, newest first."""
    page = await queries.listing(session, agency_id, cursor=params.cursor, limit=params.limit)
    overruled = await queries.overruled_among(session, page.items)
    return paged(request, response, page, lambda value: local_value_body(value, overruled))


@router.post(
    "",
    status_code=201,
    response_model=LocalValueBody,
    summary="自定数值",
    responses=responses(
        404, 422, examples={404: (UnknownRule,), 422: (NotSettable, LaxerThanNational, LaxerThanSuperior)}
    ),
)
async def set_local_value(body: LocalValueInput, principal: Staff, once: Idempotent) -> Response:
    """Set a stricter limit for an agency and what lies below it (admin); open due days follow."""
    value = await commands.set_local_value(once.uow, principal, body.agency_id, body.data())
    return await once.answer(201, local_value_body(value, ()), {})
