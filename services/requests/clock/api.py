"""Routes of the clock: why a case is due when it is, and what would change it."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response

from services.requests.applications.answers import AtDesk
from services.requests.applications.queries import entries_of, view
from services.requests.applications.rules import ReceiptUnconfirmed
from services.requests.clock import queries
from services.requests.clock.errors import AfterClose
from services.requests.clock.schemas import ClockBody, WhatIfBody, WhatIfInput, clock_body
from services.requests.clock.sheet import render_sheet
from shared.auth import Staff
from shared.http.problems import responses
from shared.http.sessions import Read

router = APIRouter(prefix="/applications/{application_id}/clock", tags=["期限计算"])
WHAT_IF_REFUSED = (ReceiptUnconfirmed, AfterClose)
PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "期限计算表",
        "content": {"application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}}},
    }
}


@router.get("", summary="期限与逐日台账")
async def get_clock(application_id: UUID, principal: Staff, session: Read, desk: AtDesk) -> ClockBody:
    """Show the due day and the ledger: each day, counted or not, why, and which article says so."""
    return queries.actual(await view(session, principal, desk, application_id), desk)


@router.get(
    "/sheet",
    summary="期限计算表（PDF）",
    response_class=Response,
    responses=PDF | responses(409, examples={409: (ReceiptUnconfirmed,)}),
)
async def get_clock_sheet(application_id: UUID, principal: Staff, session: Read, desk: AtDesk) -> Response:
    """Print the ledger as a sheet that can be laid before a court."""
    case = await view(session, principal, desk, application_id)
    reading = case.reading(desk)
    if reading is None:
        raise ReceiptUnconfirmed()
    header = {"受理编号": case.row.receipt_number, "受理机关": case.agency_name}
    if case.row.regulation_override is not None:
        header["另定适用的条例"] = queries.override(await entries_of(session, application_id), desk)
    fonts = () if desk.settings.font_dir is None else (desk.settings.font_dir,)
    pdf = await asyncio.to_thread(render_sheet, header, reading, font_paths=fonts)
    return Response(pdf, media_type="application/pdf", headers={"Content-Disposition": 'inline; filename="clock.pdf"'})


@router.post("/what-if", summary="期限推演", responses=responses(409, 422, examples={409: WHAT_IF_REFUSED}))
async def what_if(application_id: UUID, body: WhatIfInput, principal: Staff, session: Read, desk: AtDesk) -> WhatIfBody:
    """Read the same clock with hypothetical events; nothing is written."""
    case = await view(session, principal, desk, application_id)
    events = [event.event() for event in body.events]
    reading = queries.what_if(case, desk, events, body.regulation, body.as_of)
    assert case.row.received_on is not None
    imagined = clock_body(reading, case.row.received_on, case.calendar.version)
    return WhatIfBody(actual=queries.actual(case, desk), hypothetical=imagined)
