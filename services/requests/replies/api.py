"""Routes of replies."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.requests.applications.answers import AtDesk, answer
from services.requests.applications.api import CLOSED, DATES
from services.requests.applications.rules import ReceiptUnconfirmed, SamePerson
from services.requests.applications.schemas import CaseBody
from services.requests.extensions.schemas import DecisionInput
from services.requests.replies import commands
from services.requests.replies.dispositions import table_rows
from services.requests.replies.rules import (
    AlreadyApproved,
    DeliveredBeforeDecided,
    GroundsMissing,
    InformationMissing,
    NoDraft,
    NotApproved,
    ProofMissing,
    RefusedRowMissing,
    RowDoesNotFit,
)
from services.requests.replies.schemas import DeliveryInput, DispositionBody, ReplyInput, disposition_body
from shared.auth import Staff
from shared.http.etags import IfMatch
from shared.http.openapi import PUBLIC
from shared.http.problems import responses
from shared.http.sessions import Write

router = APIRouter(prefix="/applications/{application_id}", tags=["答复"])
tables = APIRouter(tags=["答复"])
DRAFT_REFUSED = (RowDoesNotFit, GroundsMissing, InformationMissing, RefusedRowMissing)


@tables.get("/dispositions", summary="答复种类与表三各行", openapi_extra=PUBLIC)
async def list_dispositions() -> list[DispositionBody]:
    """List which outcomes a reply may have, the row of table 三 that counts each, and its articles."""
    return [disposition_body(row) for row in table_rows().values()]


@router.post(
    "/reply",
    summary="拟定答复",
    responses=responses(409, 422, examples={409: (ReceiptUnconfirmed, AlreadyApproved, *CLOSED), 422: DRAFT_REFUSED}),
)
async def draft_reply(
    application_id: UUID,
    body: ReplyInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Draft the reply, or draft it again until it is approved (clerk)."""
    case = await commands.draft_reply(uow, desk, principal, application_id, version, body.command())
    return await answer(uow, case, response)


@router.post(
    "/reply/approval",
    summary="审批答复",
    responses=responses(403, 409, examples={403: (SamePerson,), 409: (NoDraft, *CLOSED)}),
)
async def decide_reply(
    application_id: UUID,
    body: DecisionInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Approve the draft, which chooses its remedy sentence, or send it back (approver, and not the drafter)."""
    case = await commands.decide_reply(
        uow, desk, principal, application_id, version, approved=body.approved, note=body.note
    )
    return await answer(uow, case, response)


@router.post(
    "/delivery",
    summary="送达答复",
    responses=responses(
        409, 422, examples={409: (NotApproved, *CLOSED), 422: (DeliveredBeforeDecided, ProofMissing, *DATES)}
    ),
)
async def deliver_reply(
    application_id: UUID,
    body: DeliveryInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record 签收之日 or 交邮之日 (clerk): the reply counts from that day, and the case is closed."""
    case = await commands.deliver_reply(
        uow, desk, principal, application_id, version, mode=body.mode, on=body.on, proof=body.proof
    )
    return await answer(uow, case, response)
