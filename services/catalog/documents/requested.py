"""A reply to a citizen leads to a new document (条例第三十六条第二项、第四十四条): it is drafted here."""

from sqlalchemy import select

from services.catalog.documents.commands import Content, add_draft
from services.catalog.documents.models import Document
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.events.catalog import DisclosureAttribute
from shared.events.requests import PublicationRequested, PublicationRequestedV2
from shared.replicas import agencies

DRAFTER_ID = "service:requests"
DRAFTER_NAME = "依申请公开转主动公开"


async def on_publication_requested(uow: UnitOfWork, envelope: Envelope[PublicationRequestedV2]) -> None:
    """Draft the document once per case; a clerk completes it, and the usual review and sign-off follow.

    The title and the text come from the clerk who replied; the case's number stays out of the public text.
    """
    event = envelope.data
    await agencies.get(uow.session, envelope.agency_id)  # not known here yet: tried again, then a dead letter
    drafted = select(Document.id).where(Document.origin_application_id == event.application_id)
    if (await uow.session.execute(drafted)).first():
        return
    content = Content(title=event.title, body=event.public_text or event.title, attribute=DisclosureAttribute.PROACTIVE)
    await add_draft(
        uow,
        envelope.agency_id,
        content,
        drafter_id=DRAFTER_ID,
        drafter_name=DRAFTER_NAME,
        origin_application_id=event.application_id,
    )


async def on_publication_requested_v1(uow: UnitOfWork, envelope: Envelope[PublicationRequested]) -> None:
    """Read the version before, of which the log still holds some; its note named the case and is not for the public."""
    newer = PublicationRequestedV2(**envelope.data.model_dump(exclude={"note"}))
    await on_publication_requested(
        uow,
        Envelope(
            id=envelope.id,
            source=envelope.source,
            subject=envelope.subject,
            time=envelope.time,
            agency_id=envelope.agency_id,
            traceparent=envelope.traceparent,
            data=newer,
        ),
    )
