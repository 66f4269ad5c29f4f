"""Routes of consultations."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.requests.applications.answers import AtDesk, answer
from services.requests.applications.api import CLOSED, DATES
from services.requests.applications.rules import ReceiptUnconfirmed
from services.requests.applications.schemas import CaseBody, PersonalDataInput
from services.requests.clock.errors import DeliveredBeforeSent
from services.requests.third_parties import commands
from services.requests.third_parties.rules import ConsultationOver, DeliveryKnown, ReasonMissing
from services.requests.third_parties.schemas import (
    ConsultationDeliveryInput,
    ConsultationInput,
    ConsultedBody,
    OpinionInput,
    consulted_body,
)
from shared.auth import Staff
from shared.http.etags import IfMatch
from shared.http.problems import responses
from shared.http.sessions import Write
from shared.telemetry.redaction import redact_text

router = APIRouter(prefix="/applications/{application_id}/consultations", tags=["征求意见"])


@router.post(
    "",
    summary="征求意见",
    responses=responses(409, 422, examples={409: (ReceiptUnconfirmed, *CLOSED), 422: DATES}),
)
async def start_consultation(
    application_id: UUID,
    body: ConsultationInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record that a third party or another organ was asked (clerk; Arts. 32-34)."""
    case = await commands.start_consultation(uow, desk, principal, application_id, version, body.command())
    return await answer(uow, case, response)


@router.post(
    "/{consultation_id}/delivery",
    summary="补记征求意见书送达",
    responses=responses(
        409, 422, examples={409: (ConsultationOver, DeliveryKnown, DeliveredBeforeSent, *CLOSED), 422: DATES}
    ),
)
async def record_consultation_delivery(
    application_id: UUID,
    consultation_id: UUID,
    body: ConsultationDeliveryInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record when the letter reached its addressee: the 15 working days run from then (clerk)."""
    case = await commands.record_delivery(
        uow, desk, principal, application_id, consultation_id, version, body.delivered_on
    )
    return await answer(uow, case, response)


@router.post(
    "/{consultation_id}/outcome",
    summary="记录收到的意见",
    responses=responses(409, 422, examples={409: (ConsultationOver, *CLOSED), 422: (ReasonMissing, *DATES)}),
)
async def end_consultation(
    application_id: UUID,
    consultation_id: UUID,
    body: OpinionInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record the opinion and the day it came (clerk): counting goes on the day after."""
    case = await commands.end_consultation(
        uow,
        desk,
        principal,
        application_id,
        consultation_id,
        version,
        on=body.on,
        opinion=body.opinion,
        reason=body.reason,
    )
    return await answer(uow, case, response)


@router.post("/{consultation_id}/personal-data", summary="查阅被征求意见人")
async def read_consulted(
    application_id: UUID, consultation_id: UUID, body: PersonalDataInput, principal: Staff, uow: Write, desk: AtDesk
) -> ConsultedBody:
    """Show who was asked, unmasked, to those who handle the case; who read it, and why, is audited."""
    reason = redact_text(body.reason)
    return consulted_body(await commands.open_consulted(uow, principal, application_id, consultation_id, reason), desk)
