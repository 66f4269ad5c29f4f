"""Routes of corrections."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.requests.applications.answers import AtDesk, answer
from services.requests.applications.api import CLOSED, DATES
from services.requests.applications.rules import ReceiptUnconfirmed
from services.requests.applications.schemas import CaseBody, ReasonInput
from services.requests.clock.errors import AlreadyWaiting, CorrectionNoticeLate, NotAwaited, SecondNotice
from services.requests.corrections import commands
from services.requests.corrections.rules import CorrectionNotAwaited, CorrectionStillOpen
from services.requests.corrections.schemas import CorrectionInput, CorrectionNoticeInput
from shared.auth import Staff
from shared.http.etags import IfMatch
from shared.http.problems import responses
from shared.http.sessions import Write

router = APIRouter(prefix="/applications/{application_id}", tags=["补正"])
NOTICE_REFUSED = (ReceiptUnconfirmed, CorrectionNoticeLate, SecondNotice, AlreadyWaiting, *CLOSED)


@router.post(
    "/correction-notice", summary="告知补正", responses=responses(409, 422, examples={409: NOTICE_REFUSED, 422: DATES})
)
async def request_correction(
    application_id: UUID,
    body: CorrectionNoticeInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Ask for a correction: once, within 7 working days of receipt (clerk; Art. 30)."""
    case = await commands.request_correction(
        uow,
        desk,
        principal,
        application_id,
        version,
        on=body.on,
        items=body.items,
        answer_within_working_days=body.answer_within_working_days,
    )
    return await answer(uow, case, response)


@router.post(
    "/correction",
    summary="收到补正",
    responses=responses(409, 422, examples={409: (NotAwaited, *CLOSED), 422: DATES}),
)
async def receive_correction(
    application_id: UUID,
    body: CorrectionInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record that the corrected application arrived: the period starts anew (clerk; Art. 30)."""
    content = None if body.content is None else body.content.content()
    case = await commands.receive_correction(uow, desk, principal, application_id, version, on=body.on, content=content)
    return await answer(uow, case, response)


@router.post(
    "/abandonment",
    summary="记录视为放弃",
    responses=responses(409, examples={409: (CorrectionNotAwaited, CorrectionStillOpen, *CLOSED)}),
)
async def record_abandonment(
    application_id: UUID,
    body: ReasonInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Close a case whose applicant did not correct it in time and without good reason (clerk; Art. 30)."""
    case = await commands.record_abandoned(uow, desk, principal, application_id, version, body.reason)
    return await answer(uow, case, response)
