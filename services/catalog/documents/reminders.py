"""What the timers of documents do: tell that a signed document is due, judge it overdue, re-date it."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.catalog.agencies import queries as agencies
from services.catalog.documents.deadlines import Limit
from services.catalog.documents.models import Document
from services.catalog.documents.publication import Publishing, set_limit
from services.catalog.documents.rules import State
from shared.db.uow import UnitOfWork
from shared.events.catalog import DocumentDue, DocumentDueSoon, DocumentOverdue, DocumentRedated

REDATING_BATCH = 200


async def tell_due_soon(uow: UnitOfWork, document_id: UUID) -> None:
    """A signed document is not public yet and its day is near."""
    await _tell(uow, document_id, DocumentDueSoon, "document.due_soon")


async def tell_overdue(uow: UnitOfWork, document_id: UUID) -> None:
    """The day has passed; never said of a provisional date."""
    await _tell(uow, document_id, DocumentOverdue, "document.overdue")


async def _tell(uow: UnitOfWork, document_id: UUID, kind: type[DocumentDue], action: str) -> None:
    document = await uow.session.get(Document, document_id, with_for_update=True)
    if document is None or document.state != State.SIGNED.value or document.due_on is None:
        return
    agency = await agencies.get(uow.session, document.agency_id)
    event = kind(
        document_id=document.id,
        title=document.title,
        agency_name=agency.name,
        due_on=document.due_on,
        citation=document.due_citation or "",
        provisional=document.due_provisional,
    )
    uow.emit(event, subject=document.id, agency_id=document.agency_id)
    uow.audit(action, subject=document.id, agency_id=document.agency_id, details={"due_on": document.due_on})


async def _tell_redated(uow: UnitOfWork, document: Document, limit: Limit, before: date | None) -> None:
    agency = await agencies.get(uow.session, document.agency_id)
    event = DocumentRedated(
        document_id=document.id,
        title=document.title,
        agency_name=agency.name,
        due_on=limit.due_on,
        citation=limit.citation,
        provisional=limit.provisional,
        due_on_before=before,
    )
    uow.emit(event, subject=document.id, agency_id=document.agency_id)


async def redate_open(uow: UnitOfWork, publishing: Publishing, after: UUID | None) -> UUID | None:
    """Recompute the due day of a batch of signed documents; return where to go on, or None when done.

    Published documents keep the day that held when they were published.
    """
    statement = select(Document).where(Document.state == State.SIGNED.value, Document.due_on.is_not(None))
    if after is not None:
        statement = statement.where(Document.id > after)
    statement = statement.order_by(Document.id).limit(REDATING_BATCH).with_for_update()
    rows = list((await uow.session.execute(statement)).scalars())
    for document in rows:
        before = (document.due_on, document.due_provisional)
        limit = await set_limit(uow, document, publishing)
        if before != (document.due_on, document.due_provisional):
            document.touch(uow.now)
            if limit is not None:
                await _tell_redated(uow, document, limit, before[0])
            details = {"before": before[0], "after": limit.due_on if limit else None}
            uow.audit("document.redated", subject=document.id, agency_id=document.agency_id, details=details)
    return rows[-1].id if len(rows) == REDATING_BATCH else None
