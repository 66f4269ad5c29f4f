"""Takes over documents that were public before this system: their dates and 索引号 are kept as they are told."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.catalog.documents.commands import Content, add_draft
from services.catalog.documents.models import Document
from services.catalog.documents.publication import Publishing, make_public
from services.catalog.documents.rules import State
from shared.calendar import start_of_day
from shared.db.uow import UnitOfWork

DRAFTER_ID = "import"
DRAFTER_NAME = "历史公文导入"


@dataclass(frozen=True)
class PublicDocument:
    """A document that is public already; dates that its source does not tell are empty."""

    content: Content
    index_number: str | None = None
    formed_on: date | None = None
    printed_on: date | None = None
    published_on: date | None = None
    published_at: datetime | None = None


async def import_document(
    uow: UnitOfWork, document_id: UUID, agency_id: UUID, old: PublicDocument, publishing: Publishing
) -> Document:
    """Write it as published, with search, feed and event; without a date of publication it is public as of today.

    It has no review of ours: it was public before, and its first correction here is reviewed like any other.
    """
    document = await add_draft(
        uow, agency_id, old.content, drafter_id=DRAFTER_ID, drafter_name=DRAFTER_NAME, document_id=document_id
    )
    document.state, document.revision = State.PUBLISHED.value, 1
    document.index_number = old.index_number
    document.formed_on, document.printed_on = old.formed_on, old.printed_on
    document.published_on = old.published_on or uow.today
    document.published_at = old.published_at or (start_of_day(old.published_on) if old.published_on else uow.now)
    document.touch(uow.now)
    await make_public(uow, document, publishing)
    uow.audit("document.imported", subject=document.id, agency_id=agency_id)
    return document
