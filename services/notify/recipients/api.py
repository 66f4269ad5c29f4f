"""Routes of recipients."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.notify.recipients import commands, queries
from services.notify.recipients.rules import RecipientExists
from services.notify.recipients.schemas import RecipientBody, RecipientChangeInput, RecipientInput
from services.notify.subscriptions.api import parts
from shared.auth import Role, Staff
from shared.http.etags import IfMatch, etag, set_etag
from shared.http.idempotency import Idempotent
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write

router = APIRouter(prefix="/recipients", tags=["接收人"])


@router.post(
    "",
    status_code=201,
    response_model=RecipientBody,
    summary="登记接收人",
    responses=responses(409, examples={409: (RecipientExists,)}),
)
async def register_recipient(body: RecipientInput, request: Request, principal: Staff, once: Idempotent) -> Response:
    """Register who is told of what concerns a role at an agency (admin)."""
    row = await commands.register(once.uow, principal, body.command(), vault=parts(request).vault)
    headers = {"ETag": etag(row.version), "Location": f"/api/notify/v1/recipients/{row.id}"}
    return await once.answer(201, RecipientBody.model_validate(row), headers)


@router.get("", summary="接收人列表")
async def list_recipients(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    agency_id: Annotated[UUID | None, Query(description="机构")] = None,
    role: Annotated[Role | None, Query(description="角色")] = None,
) -> PageBody[RecipientBody]:
    """List the recipients of the caller's agencies (admin), with masked addresses."""
    page = await queries.listing(
        session, principal, agency_id=agency_id, role=role, cursor=params.cursor, limit=params.limit
    )
    return paged(request, response, page, RecipientBody.model_validate)


@router.get("/{recipient_id}", summary="接收人")
async def get_recipient(recipient_id: UUID, principal: Staff, session: Read, response: Response) -> RecipientBody:
    """Show a recipient (admin)."""
    row = await queries.one(session, principal, recipient_id)
    set_etag(response, row.version)
    return RecipientBody.model_validate(row)


@router.put("/{recipient_id}", summary="修改或停用接收人", responses=responses(409, examples={409: (RecipientExists,)}))
async def change_recipient(
    recipient_id: UUID,
    body: RecipientChangeInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    uow: Write,
    response: Response,
) -> RecipientBody:
    """Change a recipient, or stop telling them with `active: false` (admin)."""
    row = await commands.change(uow, principal, recipient_id, version, body.command(), vault=parts(request).vault)
    set_etag(response, row.version)
    return RecipientBody.model_validate(row)
