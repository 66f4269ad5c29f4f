"""Routes of the clock: why a case is due when it is, and what would change it."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.requests.applications.answers import AtDesk
from services.requests.applications.queries import entries_of, view
from services.requests.applications.rules import DateBeforeReceipt, DateInFuture, ReceiptUnconfirmed
from services.requests.clock import queries
from services.requests.clock.errors import AfterClose
from services.requests.clock.occurrences import occurrences, outcome
from services.requests.clock.schemas import ClockBody, WhatIfBody, WhatIfInput, clock_body
from services.requests.clock.sheet import render_sheet
from shared.auth import Staff
from shared.http.bodies import Day
from shared.http.problems import responses
from shared.http.sessions import Read

router = APIRouter(prefix="/applications/{application_id}/clock", tags=["期限计算"])
WHAT_IF_REFUSED = (ReceiptUnconfirmed, AfterClose)
AsOf = Annotated[Day | None, Query(description="到该日终了时的情形；不填为今天（已办结的为办结之日）")]
DATES = (DateInFuture, DateBeforeReceipt)
PDF: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "期限计算表",
        "content": {"application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}}},
    }
}


@router.get("", summary="期限与逐日台账", responses=responses(422, examples={422: DATES}))
async def get_clock(
    application_id: UUID, principal: Staff, session: Read, desk: AtDesk, as_of: AsOf = None
) -> ClockBody:
    """Show the due day and the ledger: each day, counted or not, why, and which article says so."""
    return queries.actual(await view(session, principal, desk, application_id), desk, as_of)


@router.get(
    "/sheet",
    summary="期限计算表（PDF）",
    response_class=Response,
    responses=PDF | responses(409, 422, examples={409: (ReceiptUnconfirmed,), 422: DATES}),
)
async def get_clock_sheet(
    application_id: UUID, principal: Staff, session: Read, desk: AtDesk, as_of: AsOf = None
) -> Response:
    """Print the ledger, with what moved it, as a sheet that can be laid before a court."""
    case = await view(session, principal, desk, application_id)
    reading = case.reading(desk, as_of)
    if reading is None:
        raise ReceiptUnconfirmed()
    header = {"受理编号": case.row.receipt_number, "受理机关": case.agency_name}
    if case.row.regulation_override is not None:
        header["另定适用的条例"] = queries.override(await entries_of(session, application_id), desk)
    fonts = () if desk.settings.font_dir is None else (desk.settings.font_dir,)
    pdf = await asyncio.to_thread(
        render_sheet,
        header,
        reading,
        outcome=outcome(case.facts, reading, case.calendar),
        events=occurrences(case, reading.as_of),
        font_paths=fonts,
    )
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
