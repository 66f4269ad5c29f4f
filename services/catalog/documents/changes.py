"""Commands on documents that are public: corrections (proposed by one, decided by another) and withdrawal."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy import select

from services.catalog.documents import rules
from services.catalog.documents.commands import load, record_review
from services.catalog.documents.errors import CorrectionDecided, CorrectionPending
from services.catalog.documents.models import Correction, Document
from services.catalog.documents.publication import Publishing, make_corrected, make_withdrawn
from services.catalog.documents.rules import ReviewItem, Verdict
from services.catalog.obligations.reopening import reopen_instances
from shared.auth import Principal, Role
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound

APPLIED = "applied"
REFUSED = "refused"


async def propose_correction(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    expected_version: int,
    *,
    title: str | None,
    body: str | None,
    reason: str,
) -> tuple[Document, Correction]:
    """Write the new text beside the public one; it changes nothing until it is approved."""
    document = await load(uow, principal, document_id, expected_version, Role.CLERK)
    rules.propose_correction(document.facts)
    pending = select(Correction.id).where(Correction.document_id == document_id, Correction.decision.is_(None))
    if (await uow.session.execute(pending)).first():
        raise CorrectionPending
    correction = Correction(
        id=uuid7(),
        agency_id=document.agency_id,
        document_id=document.id,
        title=title or document.title,
        body=body if body is not None else document.body,
        reason=reason,
        proposed_by_id=principal.subject,
        proposed_by_name=principal.name,
        proposed_at=uow.now,
    )
    uow.session.add(correction)
    document.touch(uow.now)
    details = {"correction_id": correction.id, "reason": reason}
    uow.audit("document.correction_proposed", subject=document.id, agency_id=document.agency_id, details=details)
    return document, correction


async def approve_correction(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    correction_id: UUID,
    expected_version: int,
    verdicts: Mapping[ReviewItem, Verdict],
    publishing: Publishing,
) -> tuple[Document, Correction]:
    """Review the new text and put it in place of the public one, which is kept beside it."""
    document = await load(uow, principal, document_id, expected_version, Role.REVIEWER, Role.APPROVER)
    correction = await _pending(uow, document_id, correction_id)
    corrected = rules.correct(document.facts, verdicts, correction.proposed_by_id, principal.subject)
    correction.previous_title, correction.previous_body = document.title, document.body
    document.title, document.body = correction.title, correction.body
    document.take(corrected, uow.now)
    correction.revision = document.revision
    _decide(uow, principal, correction, APPLIED)
    await record_review(uow, principal, document, verdicts, correction.id)
    await make_corrected(uow, document, publishing, correction.reason)
    details = {"correction_id": correction.id, "revision": document.revision}
    uow.audit("document.corrected", subject=document.id, agency_id=document.agency_id, details=details)
    return document, correction


async def refuse_correction(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    correction_id: UUID,
    expected_version: int,
    note: str,
) -> tuple[Document, Correction]:
    """驳回更正: the public text stays."""
    document = await load(uow, principal, document_id, expected_version, Role.REVIEWER, Role.APPROVER)
    correction = await _pending(uow, document_id, correction_id)
    _decide(uow, principal, correction, REFUSED)
    document.touch(uow.now)
    details = {"correction_id": correction.id, "note": note}
    uow.audit("document.correction_refused", subject=document.id, agency_id=document.agency_id, details=details)
    return document, correction


async def withdraw_document(
    uow: UnitOfWork,
    principal: Principal,
    document_id: UUID,
    expected_version: int,
    reason: str,
    publishing: Publishing,
) -> Document:
    """撤回, by one person and at once: what should not be public must not wait for a second signature."""
    document = await load(uow, principal, document_id, expected_version, Role.REVIEWER, Role.APPROVER)
    document.take(rules.withdraw(document.facts), uow.now)
    document.withdrawal_reason = reason
    await make_withdrawn(uow, document, publishing, reason)
    await reopen_instances(uow, document.id)
    uow.audit("document.withdrawn", subject=document.id, agency_id=document.agency_id, details={"reason": reason})
    return document


async def _pending(uow: UnitOfWork, document_id: UUID, correction_id: UUID) -> Correction:
    correction = await uow.session.get(Correction, correction_id)
    if correction is None or correction.document_id != document_id:
        raise NotFound("没有这项更正。")
    if correction.decision is not None:
        raise CorrectionDecided
    return correction


def _decide(uow: UnitOfWork, principal: Principal, correction: Correction, decision: str) -> None:
    correction.decision, correction.decided_by_name, correction.decided_at = decision, principal.name, uow.now
