"""Routes of extensions."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.requests.applications.answers import AtDesk, answer
from services.requests.applications.api import CLOSED, DATES
from services.requests.applications.rules import ReceiptUnconfirmed, SamePerson
from services.requests.applications.schemas import CaseBody
from services.requests.clock.errors import ExtensionAfterExpiry, ExtensionOverCap, ExtensionWhileWaiting
from services.requests.extensions import commands
from services.requests.extensions.rules import ExtensionPending, NoExtensionPending
from services.requests.extensions.schemas import DecisionInput, ExtensionInput
from shared.auth import Staff
from shared.http.etags import IfMatch
from shared.http.problems import responses
from shared.http.sessions import Write

router = APIRouter(prefix="/applications/{application_id}/extension", tags=["延长答复期限"])
LIMITS = (ExtensionOverCap, ExtensionAfterExpiry, ExtensionWhileWaiting)


@router.post(
    "",
    summary="申请延长",
    responses=responses(409, 422, examples={409: (ReceiptUnconfirmed, ExtensionPending, *LIMITS, *CLOSED), 422: DATES}),
)
async def request_extension(
    application_id: UUID,
    body: ExtensionInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Ask for more time (clerk); in sum at most 20 working days, told before expiry (Art. 33)."""
    case = await commands.request_extension(
        uow,
        desk,
        principal,
        application_id,
        version,
        working_days=body.working_days,
        reason=body.reason,
        told_on=body.on,
    )
    return await answer(uow, case, response)


@router.post(
    "/approval",
    summary="审批延长",
    responses=responses(403, 409, examples={403: (SamePerson,), 409: (NoExtensionPending, *LIMITS, *CLOSED)}),
)
async def decide_extension(
    application_id: UUID,
    body: DecisionInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Approve or refuse (approver, and not who asked); the applicant is told of an approval at once."""
    case = await commands.decide_extension(
        uow, desk, principal, application_id, version, approved=body.approved, note=body.note
    )
    return await answer(uow, case, response)
