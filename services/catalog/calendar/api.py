"""Routes of holiday notices."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.catalog.calendar import commands, queries
from services.catalog.calendar.rules import (
    LocalHolidayDropped,
    NoticeUnchanged,
    NoticeVersionTaken,
    StatutoryHolidayMissing,
)
from services.catalog.calendar.schemas import (
    FIRST_YEAR,
    LAST_YEAR,
    NoticeBody,
    NoticeInput,
    PreviewBody,
    notice_body,
    preview_body,
)
from shared.auth import Staff
from shared.calendar import InvalidNotice, OutsideCalendar
from shared.http.idempotency import Idempotent
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read

router = APIRouter(prefix="/calendar-notices", tags=["工作日历"])
CHECKED = (InvalidNotice, OutsideCalendar)


@router.get("", summary="放假通知列表", openapi_extra=PUBLIC)
async def list_calendar_notices(
    request: Request,
    response: Response,
    session: Read,
    params: PageParams,
    year: Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR, description="年份")] = None,
) -> PageBody[NoticeBody]:
    """List the notices entered at run time, newest first; the years before are packaged with the software."""
    page = await queries.listing(session, year=year, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, notice_body)


@router.get("/{notice_id}", summary="放假通知详情", openapi_extra=PUBLIC)
async def get_calendar_notice(notice_id: UUID, session: Read) -> NoticeBody:
    """Show one version of one year."""
    return notice_body(await queries.get(session, notice_id))


@router.post("/preview", summary="预览放假通知的影响", responses=responses(404, 422, examples={422: CHECKED}))
async def preview_calendar_notice(body: NoticeInput, principal: Staff, session: Read) -> PreviewBody:
    """Check a notice (who may publish it), name every day whose kind it changes and what it leaves out."""
    await commands.require_publisher(session, principal, body.agency_id, local=body.local)
    local_agency_id = body.agency_id if body.local else None
    return preview_body(await queries.preview(session, body.data(), local_agency_id))


@router.post(
    "",
    status_code=201,
    response_model=NoticeBody,
    summary="发布放假通知",
    responses=responses(
        404,
        409,
        422,
        examples={
            409: (NoticeUnchanged, NoticeVersionTaken),
            422: (*CHECKED, StatutoryHolidayMissing, LocalHolidayDropped),
        },
    ),
)
async def publish_calendar_notice(body: NoticeInput, principal: Staff, once: Idempotent) -> Response:
    """Publish a notice as the next version of its year (admin); open due days follow everywhere."""
    notice = await commands.publish_notice(
        once.uow, principal, body.agency_id, body.data(), local=body.local, accept_missing=body.accept_missing
    )
    headers = {"Location": f"/api/catalog/v1/calendar-notices/{notice.id}"}
    return await once.answer(201, notice_body(notice), headers)
