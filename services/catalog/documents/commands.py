"""Commands on the way to publication: draft, submit, return, review, sign off, publish.

Corrections and withdrawals of public documents stand in `changes.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from services.catalog.agencies import queries as agencies
from services.catalog.documents import rules
from services.catalog.documents.errors import DocumentNumberTaken
from services.catalog.documents.models import Document, ReviewEntry
from services.catalog.documents.publication import Publishing, make_public, set_limit
from services.catalog.documents.rules import Ground, ReturnReason, ReviewItem, State, Verdict
from services.catalog.search.rules import fold
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.events.catalog import DisclosureAttribute


@dataclass(frozen=True)
class Content:
    """What a drafter writes."""

    title: str
    body: str
    attribute: DisclosureAttribute | None = None
    ground: Ground | None = None
    reason: str | None = None
    document_number: str | None = None
    content_source: str | None = None


async def load(
    uow: UnitOfWork, principal: Principal, document_id: UUID, expected_version: int, *roles: Role
) -> Document:
    """Lock the document for a change; raises NotFound, Forbidden or VersionMismatch."""
    document = await uow.session.get(Document, document_id, with_for_update=True)
    if document is None:
        raise NotFound("没有这份公文。")
    await require(uow.session, principal, roles, document.agency_id)
    if document.version != expected_version:
        raise VersionMismatch(current_version=document.version)
    return document


async def draft_document(uow: UnitOfWork, principal: Principal, agency_id: UUID, content: Content) -> Document:
    """拟稿. The disclosure attribute may still be open; it is asked for at review and sign-off."""
    await agencies.get(uow.session, agency_id)
    await require(uow.session, principal, (Role.CLERK,), agency_id)
    return await add_draft(uow, agency_id, content, drafter_id=principal.subject, drafter_name=principal.name)


async def add_draft(
    uow: UnitOfWork,
    agency_id: UUID,
    content: Content,
    *,
    drafter_id: str,
    drafter_name: str,
    document_id: UUID | None = None,
    origin_application_id: UUID | None = None,
) -> Document:
    """Write a draft; consumers and sample data call this without a person."""
    document = Document(
        id=document_id or uuid7(),
        agency_id=agency_id,
        version=1,
        state=State.DRAFT.value,
        revision=0,
        drafter_id=drafter_id,
        drafter_name=drafter_name,
        due_provisional=False,
        origin_application_id=origin_application_id,
        created_at=uow.now,
        updated_at=uow.now,
    )
    await _write(uow, document, content)
    uow.session.add(document)
    await uow.session.flush()
    details = {"attribute": content.attribute, "origin_application_id": origin_application_id}
    uow.audit("document.drafted", subject=document.id, agency_id=agency_id, details=details)
    return document


async def edit_document(
    uow: UnitOfWork, principal: Principal, document_id: UUID, expected_version: int, content: Content
) -> Document:
    """Replace the text of a draft or of one that was returned."""
    document = await load(uow, principal, document_id, expected_version, Role.CLERK)
    rules.edit(document.facts)
    await _write(uow, document, content)
    document.touch(uow.now)
    uow.audit("document.edited", subject=document.id, agency_id=document.agency_id)
    return document


async def submit_document(uow: UnitOfWork, principal: Principal, document_id: UUID, expected_version: int) -> Document:
    """送审."""
    document = await load(uow, principal, document_id, expected_version, Role.CLERK)
    document.take(rules.submit(document.facts), uow.now)
    uow.audit("document.submitted", subject=document.id, agency_id=document.agency_id)
    return document


async def return_document(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    expected_version: int,
    reason: ReturnReason,
    note: str,
) -> Document:
    """退文 (国办发〔2016〕80号（一）)."""
    document = await load(uow, principal, document_id, expected_version, Role.REVIEWER, Role.APPROVER)
    document.take(rules.send_back(document.facts, reason), uow.now)
    document.return_note = note
    details = {"reason": reason, "note": note}
    uow.audit("document.returned", subject=document.id, agency_id=document.agency_id, details=details)
    return document


async def review_document(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    expected_version: int,
    verdicts: Mapping[ReviewItem, Verdict],
) -> Document:
    """保密审查, item by item (保密法实施条例第四十二条)."""
    document = await load(uow, principal, document_id, expected_version, Role.REVIEWER)
    document.take(rules.review(document.facts, verdicts, principal.subject), uow.now)
    document.return_note = "；".join(v.note for v in verdicts.values() if v.note and not v.clear) or None
    await record_review(uow, principal, document, verdicts)
    uow.audit(
        "document.reviewed",
        subject=document.id,
        agency_id=document.agency_id,
        details={"result": document.state, "concerns": [i.value for i, v in verdicts.items() if not v.clear]},
    )
    return document


async def record_review(
    uow: UnitOfWork,
    principal: Principal,
    document: Document,
    verdicts: Mapping[ReviewItem, Verdict],
    correction_id: UUID | None = None,
) -> None:
    """Keep every item of a review, as the next round of this document."""
    last = select(func.coalesce(func.max(ReviewEntry.round), 0)).where(ReviewEntry.document_id == document.id)
    number = (await uow.session.execute(last)).scalar_one() + 1
    for item, verdict in verdicts.items():
        uow.session.add(
            ReviewEntry(
                id=uuid7(),
                agency_id=document.agency_id,
                document_id=document.id,
                correction_id=correction_id,
                round=number,
                item=item.value,
                clear=verdict.clear,
                note=verdict.note,
                reviewer_id=principal.subject,
                reviewer_name=principal.name,
                reviewed_at=uow.now,
            )
        )


async def sign_off_document(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    expected_version: int,
    *,
    formed_on: date | None,
    printed_on: date | None,
    publishing: Publishing,
) -> Document:
    """签发: the document is formed, and the limit for its publication runs."""
    document = await load(uow, principal, document_id, expected_version, Role.APPROVER)
    signed = rules.sign_off(
        document.facts,
        principal.subject,
        formed_on=formed_on or uow.today,
        printed_on=printed_on,
        today=uow.today,
    )
    document.take(signed, uow.now)
    limit = None
    if signed.attribute is DisclosureAttribute.PROACTIVE:
        limit = await set_limit(uow, document, publishing)
    details = {"formed_on": signed.formed_on, "due_on": limit.due_on if limit else None}
    uow.audit("document.signed", subject=document.id, agency_id=document.agency_id, details=details)
    return document


async def publish_document(
    uow: UnitOfWork, principal: Principal, document_id: UUID, expected_version: int, publishing: Publishing
) -> Document:
    """发布."""
    document = await load(uow, principal, document_id, expected_version, Role.CLERK, Role.APPROVER)
    document.take(rules.publish(document.facts, uow.today), uow.now)
    document.published_at = uow.now
    await make_public(uow, document, publishing)
    details = {"index_number": document.index_number, "late": rules.is_late(document.facts)}
    uow.audit("document.published", subject=document.id, agency_id=document.agency_id, details=details)
    return document


async def _write(uow: UnitOfWork, document: Document, content: Content) -> None:
    document.title, document.body = content.title, content.body
    document.attribute = content.attribute.value if content.attribute else None
    document.ground = content.ground.value if content.ground else None
    document.reason, document.content_source = content.reason, content.content_source
    document.document_number = content.document_number
    document.document_number_folded = fold(content.document_number) if content.document_number else None
    if document.document_number_folded:
        same = select(Document.id).where(
            Document.agency_id == document.agency_id,
            Document.document_number_folded == document.document_number_folded,
            Document.id != document.id,
        )
        if (await uow.session.execute(same)).first():
            raise DocumentNumberTaken
