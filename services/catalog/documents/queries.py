"""Reads of documents: what the public sees, and what the staff of its agencies work on."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import defer

from services.catalog.documents.errors import DocumentWithdrawnFromPublic
from services.catalog.documents.models import Correction, Document, ReviewEntry
from services.catalog.documents.rules import State
from services.catalog.search.rules import fold
from shared.auth import Principal, Role
from shared.auth.scope import require, visible
from shared.db.pages import Page, page
from shared.db.sessions import AnySession, ReadSession
from shared.errors import NotFound
from shared.events.catalog import DisclosureAttribute
from shared.replicas import agencies

WITHOUT_TEXT = defer(Document.body, raiseload=True)  # lists do not show it, and it may be long
READERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER, Role.SUPERVISOR)


@dataclass(frozen=True)
class Filter:
    """What a list shows; the exact fields are compared folded (〔〕 or [], full width or not)."""

    agency_id: UUID | None = None
    document_number: str | None = None
    index_number: str | None = None
    published_from: date | None = None
    published_to: date | None = None
    state: State | None = None
    attribute: DisclosureAttribute | None = None
    overdue_on: date | None = None


@dataclass(frozen=True)
class View:
    """A document with its agency's name."""

    document: Document
    agency_name: str


@dataclass(frozen=True)
class WorkView:
    """A document as those see it who work on it."""

    document: Document
    agency_name: str
    reviews: tuple[ReviewEntry, ...]
    corrections: tuple[Correction, ...]


async def published(session: AnySession, wanted: Filter, *, cursor: str | None, limit: int) -> Page[View]:
    """Return a page of public documents, newest first."""
    statement = _filtered(select(Document).where(Document.state == State.PUBLISHED.value), wanted).options(WITHOUT_TEXT)
    keys = [(Document.published_on, date), (Document.id, UUID)]
    found = await page(session, statement, keys, cursor=cursor, limit=limit, descending=True)
    return await _named(session, found)


async def public(session: AnySession, document_id: UUID) -> View:
    """Return a public document; one that was withdrawn is gone, any other does not exist for the public."""
    document = await session.get(Document, document_id)
    if document is not None and document.state == State.WITHDRAWN.value:
        raise DocumentWithdrawnFromPublic
    if document is None or document.state != State.PUBLISHED.value:
        raise NotFound("没有这份公开的公文。")
    return await view_of(session, document)


async def worked_on(
    session: AnySession, principal: Principal, wanted: Filter, *, cursor: str | None, limit: int
) -> Page[View]:
    """Return a page of the documents of the principal's agencies in any state, newest first."""
    seen = await visible(session, principal, READERS)
    statement = _filtered(select(Document).where(Document.agency_id.in_(seen)), wanted).options(WITHOUT_TEXT)
    found = await page(session, statement, [(Document.id, UUID)], cursor=cursor, limit=limit, descending=True)
    return await _named(session, found)


async def in_work(session: AnySession, principal: Principal, document_id: UUID) -> WorkView:
    """Return a document with its reviews and corrections; raises NotFound or Forbidden."""
    document = await session.get(Document, document_id)
    if document is None:
        raise NotFound("没有这份公文。")
    await require(session, principal, READERS, document.agency_id)
    return await work_view_of(session, document)


async def work_view_of(session: AnySession, document: Document) -> WorkView:
    """Return what is shown of a document to those who may work on it."""
    reviews = select(ReviewEntry).where(ReviewEntry.document_id == document.id)
    corrections = select(Correction).where(Correction.document_id == document.id).order_by(Correction.id)
    names = await agencies.names(session, [document.agency_id])
    return WorkView(
        document,
        names.get(document.agency_id, ""),
        tuple((await session.execute(reviews.order_by(ReviewEntry.round, ReviewEntry.id))).scalars()),
        tuple((await session.execute(corrections)).scalars()),
    )


async def view_of(session: AnySession, document: Document) -> View:
    """Return a document with its agency's name."""
    names = await agencies.names(session, [document.agency_id])
    return View(document, names.get(document.agency_id, ""))


async def _named(session: AnySession, found: Page[Document]) -> Page[View]:
    names = await agencies.names(session, [document.agency_id for document in found.items])
    return Page([View(d, names.get(d.agency_id, "")) for d in found.items], found.next_cursor)


def _filtered(statement: Select[Any], wanted: Filter) -> Select[Any]:
    if wanted.agency_id is not None:
        statement = statement.where(Document.agency_id == wanted.agency_id)
    if wanted.document_number is not None:
        statement = statement.where(Document.document_number_folded == fold(wanted.document_number))
    if wanted.index_number is not None:
        statement = statement.where(Document.index_number == wanted.index_number)
    if wanted.published_from is not None:
        statement = statement.where(Document.published_on >= wanted.published_from)
    if wanted.published_to is not None:
        statement = statement.where(Document.published_on <= wanted.published_to)
    if wanted.state is not None:
        statement = statement.where(Document.state == wanted.state.value)
    if wanted.attribute is not None:
        statement = statement.where(Document.attribute == wanted.attribute.value)
    if wanted.overdue_on is not None:
        late = (Document.state == State.SIGNED.value) & (Document.due_on < wanted.overdue_on)
        statement = statement.where(late & ~Document.due_provisional)
    return statement


async def count_awaiting_review(session: ReadSession) -> float:
    """Gauge: documents that wait for their secrecy review."""
    query = select(func.count()).where(Document.state == State.SUBMITTED.value)
    return float((await session.execute(query)).scalar_one())


async def count_awaiting_publication(session: ReadSession) -> float:
    """Gauge: signed, proactive documents that are not public yet."""
    query = select(func.count()).where(
        Document.state == State.SIGNED.value, Document.attribute == DisclosureAttribute.PROACTIVE.value
    )
    return float((await session.execute(query)).scalar_one())
