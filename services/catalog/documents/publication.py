"""What publishing, correcting and withdrawing do around the row: 索引号, search index, feed, event, timers."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.catalog.agencies import queries as agencies
from services.catalog.documents.deadlines import Limit, limit_from_printing, overdue_at, publication_limit, reminder_at
from services.catalog.documents.models import Document, IndexCounter
from services.catalog.documents.rules import index_number
from services.catalog.feeds.commands import append
from services.catalog.feeds.rules import Change
from services.catalog.local_rules.queries import rule_for
from services.catalog.local_rules.rules import PRINTED
from services.catalog.search.commands import index_document, remove_document
from services.catalog.statutes import rule_set
from shared.calendar import Calendar
from shared.db.uow import UnitOfWork
from shared.events.catalog import DocumentCorrected, DocumentPublished, DocumentWithdrawn
from shared.replicas import calendars

DUE_SOON = "document_due_soon"
OVERDUE = "document_overdue"


@dataclass(frozen=True)
class Publishing:
    """What the settings say about publication."""

    base_url: str
    index_number_pattern: str
    due_soon_working_days: int

    def url(self, document_id: UUID) -> str:
        """Where the public reads a document."""
        return f"{self.base_url}/api/catalog/v1/documents/{document_id}/page"


async def next_index_number(uow: UnitOfWork, agency_id: UUID, code: str, pattern: str) -> str:
    """Take the agency's next 索引号 of this year: unique and gap-free, since the row is held until the commit."""
    counter = insert(IndexCounter).values(agency_id=agency_id, year=uow.today.year, last=1)
    taken = counter.on_conflict_do_update(
        index_elements=["agency_id", "year"], set_={"last": IndexCounter.last + 1}
    ).returning(IndexCounter.last)
    serial = (await uow.session.execute(taken)).scalar_one()
    return index_number(pattern, code, uow.today.year, serial)


async def set_limit(uow: UnitOfWork, document: Document, publishing: Publishing) -> Limit | None:
    """Compute the due day of a signed, proactive document and set its timers; return the limit."""
    if document.formed_on is None:
        return None
    calendar = await calendars.current(uow.session, document.agency_id)
    formed_on, printed_on = document.formed_on, document.printed_on
    rule = await rule_for(uow.session, "pub.limit", formed_on, document.agency_id, printed=printed_on is not None)
    if rule is not None and rule.start == PRINTED and printed_on is not None:
        nation = rule_set().at(rule.id, formed_on)
        limit: Limit | None = limit_from_printing(rule, nation, calendar, formed_on=formed_on, printed_on=printed_on)
    else:
        limit = publication_limit(rule, calendar, formed_on)
    document.due_on = limit.due_on if limit else None
    document.due_citation = limit.citation if limit else None
    document.due_provisional = bool(limit and limit.provisional)
    uow.cancel(document.id, DUE_SOON, OVERDUE)
    if limit:
        _schedule(uow, document.id, limit, calendar, publishing)
    return limit


def _schedule(uow: UnitOfWork, document_id: UUID, limit: Limit, calendar: Calendar, publishing: Publishing) -> None:
    overdue = overdue_at(limit.due_on)
    if overdue > uow.now:  # already overdue: only that is told, the reminder is superseded
        uow.schedule(document_id, DUE_SOON, reminder_at(limit.due_on, calendar, publishing.due_soon_working_days))
    if not limit.provisional:  # no overdue judgement on a provisional date
        uow.schedule(document_id, OVERDUE, overdue)


async def make_public(uow: UnitOfWork, document: Document, publishing: Publishing) -> None:
    """Everything that follows from a document having become public."""
    agency = await agencies.get(uow.session, document.agency_id)
    if document.index_number is None:
        document.index_number = await next_index_number(uow, agency.id, agency.code, publishing.index_number_pattern)
    uow.cancel(document.id, DUE_SOON, OVERDUE)
    await _index(uow, document)
    append(uow, document, Change.PUBLISHED)
    event = DocumentPublished(**_told(uow, document, agency.name, publishing))
    uow.emit(event, subject=document.id, agency_id=document.agency_id)


async def make_corrected(uow: UnitOfWork, document: Document, publishing: Publishing, reason: str) -> None:
    """Everything that follows from a public text having changed."""
    agency = await agencies.get(uow.session, document.agency_id)
    await _index(uow, document)
    append(uow, document, Change.CORRECTED, reason)
    event = DocumentCorrected(**_told(uow, document, agency.name, publishing), reason=reason)
    uow.emit(event, subject=document.id, agency_id=document.agency_id)


async def make_withdrawn(uow: UnitOfWork, document: Document, publishing: Publishing, reason: str) -> None:
    """Everything that follows from a document being public no more."""
    agency = await agencies.get(uow.session, document.agency_id)
    await remove_document(uow.session, document.id)
    append(uow, document, Change.WITHDRAWN, reason)
    event = DocumentWithdrawn(**_told(uow, document, agency.name, publishing), reason=reason)
    uow.emit(event, subject=document.id, agency_id=document.agency_id)


async def _index(uow: UnitOfWork, document: Document) -> None:
    await uow.session.flush()
    published_on = document.published_on or uow.today
    await index_document(uow.session, document.id, document.agency_id, published_on, document.title, document.body)


def _told(uow: UnitOfWork, document: Document, agency_name: str, publishing: Publishing) -> dict[str, object]:
    return {
        "document_id": document.id,
        "title": document.title,
        "index_number": document.index_number,
        "document_number": document.document_number,
        "agency_name": agency_name,
        "url": publishing.url(document.id),
        "changed_on": uow.today,
        "origin_application_id": document.origin_application_id,
    }
