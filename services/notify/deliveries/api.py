"""Routes of deliveries: what became of each notice, and the tasks that failures open."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.notify.deliveries import commands, queries
from services.notify.deliveries.rules import AlreadySettled, Channel, NotFailed, State, StillNobody
from services.notify.deliveries.schemas import (
    DeliveryBody,
    DeliverySummary,
    SettlementInput,
    delivery_body,
    delivery_summary,
)
from shared.auth import Staff
from shared.http.etags import IfMatch, set_etag
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write

router = APIRouter(prefix="/deliveries", tags=["通知送达"])


@router.get("", summary="通知列表")
async def list_deliveries(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    state: Annotated[State | None, Query(description="状态")] = None,
    channel: Annotated[Channel | None, Query(description="渠道")] = None,
    about: Annotated[UUID | None, Query(description="事项编号（申请、文件、舆情的 id）")] = None,
    agency_id: Annotated[UUID | None, Query(description="机构")] = None,
    open_tasks: Annotated[bool, Query(description="只看待处理的失败通知")] = False,
) -> PageBody[DeliverySummary]:
    """List the notices of the caller's agencies, the newest first."""
    wanted = queries.Filter(state, channel, about, agency_id, open_tasks)
    page = await queries.listing(session, principal, wanted, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, delivery_summary)


@router.get("/{delivery_id}", summary="通知详情")
async def get_delivery(delivery_id: UUID, principal: Staff, session: Read, response: Response) -> DeliveryBody:
    """Show a notice with its text, its attempts and the proof of delivery."""
    row = await queries.one(session, principal, delivery_id)
    set_etag(response, row.version)
    return delivery_body(row)


@router.post(
    "/{delivery_id}/retry",
    summary="重发失败通知",
    responses=responses(409, examples={409: (NotFailed, AlreadySettled, StillNobody)}),
)
async def retry_delivery(
    delivery_id: UUID, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> DeliveryBody:
    """Send a failed notice again (clerk or admin)."""
    row = await commands.retry(uow, principal, delivery_id, version)
    await uow.flush()
    set_etag(response, row.version)
    return delivery_body(row)


@router.post(
    "/{delivery_id}/settlement",
    summary="登记已另行告知",
    responses=responses(409, examples={409: (NotFailed, AlreadySettled)}),
)
async def settle_delivery(
    delivery_id: UUID, body: SettlementInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> DeliveryBody:
    """Say that the recipient was told in another way (clerk or admin): the task ends, the failure stays on record."""
    row = await commands.settle(uow, principal, delivery_id, version, body.note)
    await uow.flush()
    set_etag(response, row.version)
    return delivery_body(row)
