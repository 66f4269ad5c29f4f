"""Notes in a case's audit trail that a mail about it arrived, or did not. In-house messages need no proof."""

from services.requests.applications.models import Application
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.events.notify import DeliveryEvent, NoticeDelivered, NoticeFailed
from shared.telemetry.redaction import redact_text

MAIL = "mail"


async def on_notice_delivered(uow: UnitOfWork, envelope: Envelope[NoticeDelivered]) -> None:
    """The mail server said yes."""
    told = envelope.data
    proof = {"proof": redact_text(told.provider_message_id), "possibly_doubled": told.possibly_doubled}
    await _note(uow, "notice_delivered", told, proof)


async def on_notice_failed(uow: UnitOfWork, envelope: Envelope[NoticeFailed]) -> None:
    """The mail will not arrive: somebody has to tell the person another way."""
    await _note(uow, "notice_failed", envelope.data, {"reason": redact_text(envelope.data.reason)})


async def _note(uow: UnitOfWork, what: str, told: DeliveryEvent, details: dict[str, object]) -> None:
    if told.channel != MAIL:
        return
    case = await uow.session.get(Application, told.about)
    if case is not None:  # notices about documents and incidents are the business of others
        known = {"template": told.template, "delivery": told.delivery_id, "at": told.at}
        uow.audit(f"application.{what}", subject=case.id, agency_id=case.agency_id, details=known | details)
