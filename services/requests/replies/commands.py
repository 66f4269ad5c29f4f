"""Answering: drafted by the clerk, approved by another person with its remedy sentence, delivered with proof."""

import json
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.case import APPROVERS, HANDLERS, Case, load, open_for
from services.requests.applications.rules import EntryType, require_another
from services.requests.desk import Desk
from services.requests.replies import rules
from services.requests.replies.dispositions import remedy_for, table_rows
from services.requests.replies.models import Reply
from services.requests.replies.remedy_periods import sentence as remedy_sentence
from services.requests.replies.rules import DeliveryMode, Draft, ReplyState
from shared.auth import Principal
from shared.calendar import civil_day
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.events import requests as events
from shared.events.catalog import DocumentPublished

TEXT = "replies.text"


async def draft_reply(
    uow: UnitOfWork, desk: Desk, principal: Principal, application_id: UUID, expected_version: int, draft: Draft
) -> Case:
    """Draft the reply, or draft it again as long as it is not approved."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    _ = case.received_on
    rules.check_draft(draft, uow.today)
    reply = await reply_of(uow, case.row.id)
    rules.require_changeable(_state(reply))
    if reply is None:
        reply = Reply(id=uuid7(), agency_id=case.row.agency_id, application_id=case.row.id)
        uow.session.add(reply)
    reply.state = ReplyState.DRAFT.value
    reply.outcome, reply.row, reply.refused_row = draft.outcome.value, draft.row, draft.refused_row
    reply.text_sealed = seal_text(desk, draft.grounds, draft.content)
    reply.document_id = draft.document_id
    reply.document_title, reply.document_url = draft.document_title, draft.document_url
    reply.new_document_title = draft.new_document_title
    reply.new_document_formed_on = draft.new_document_formed_on
    reply.drafted_at, reply.drafted_by = uow.now, uow.actor.id
    reply.decided_at = reply.decided_by = reply.decision_note = None
    await case.settle(uow)
    case.audit(uow, "reply_drafted", outcome=draft.outcome.value, row=draft.row)
    return case


async def decide_reply(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    approved: bool,
    note: str | None,
) -> Case:
    """Approve the draft, with the remedy sentence of its disposition and of today, or send it back."""
    case = await open_for(uow, desk, principal, APPROVERS, application_id, expected_version)
    reply = await reply_of(uow, case.row.id)
    rules.require_draft(_state(reply))
    assert reply is not None
    require_another(reply.drafted_by, principal.subject)
    reply.decided_at, reply.decided_by, reply.decision_note = uow.now, uow.actor.id, note
    if approved:
        remedy = remedy_for(table_rows()[reply.row], uow.today)
        reply.state = ReplyState.APPROVED.value
        reply.remedy_id = remedy.id
        reply.remedy = remedy_sentence(remedy, desk.rules, uow.today, desk.settings.review_body)
    else:
        reply.state = ReplyState.RETURNED.value
    await case.settle(uow)
    case.audit(uow, "reply_approved" if approved else "reply_returned", remedy=reply.remedy_id)
    return case


async def deliver_reply(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    mode: DeliveryMode,
    on: date,
    proof: str,
) -> Case:
    """Record 签收之日 or 交邮之日: that day the reply counts as made (235号, 2016), and the case closes."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    case.check_entered(on)
    reply = await reply_of(uow, case.row.id)
    decided_on = None if reply is None or reply.decided_at is None else civil_day(reply.decided_at)
    rules.check_delivery(_state(reply), mode, on, decided_on, proof)
    assert reply is not None
    reply.state = ReplyState.DELIVERED.value
    reply.delivery_mode, reply.delivered_on, reply.delivery_proof = mode.value, on, proof.strip() or None
    case.record(uow, EntryType.REPLIED, on, {"mode": mode.value, "outcome": reply.outcome})
    await case.settle(uow)
    case.emit(uow, events.ApplicationReplied, outcome=reply.outcome, replied_on=on, document_id=reply.document_id)
    if reply.new_document_title is not None:
        _request_publication(uow, case, reply, reply.new_document_title)
    case.audit(uow, "replied", outcome=reply.outcome, row=reply.row, mode=mode.value, on=on)
    return case


def _request_publication(uow: UnitOfWork, case: Case, reply: Reply, title: str) -> None:
    """Ask the catalog to draft the document to which this reply leads (Arts. 36(二), 44)."""
    case_id, formed_on = case.row.id, reply.new_document_formed_on or case.today
    receipt_number = case.row.receipt_number
    event = events.PublicationRequestedV2(
        application_id=case_id, receipt_number=receipt_number, title=title, formed_on=formed_on
    )
    # The version before stays until no reader of it is left.
    before = events.PublicationRequested(
        application_id=case_id,
        receipt_number=receipt_number,
        title=title,
        formed_on=formed_on,
        note=f"由依申请公开转为主动公开（受理编号 {receipt_number}）",
    )
    uow.emit(event, beside=before, subject=case_id, agency_id=case.row.agency_id)


async def on_document_published(uow: UnitOfWork, desk: Desk, envelope: Envelope[DocumentPublished]) -> None:
    """A document that grew out of a case is public: tell the applicant where."""
    published = envelope.data
    if published.origin_application_id is None:
        return
    case = await load(uow, desk, published.origin_application_id)
    reply = await reply_of(uow, case.row.id)
    if reply is not None:
        reply.document_id = published.document_id
        reply.published_title, reply.published_url = published.title, published.url
    case.record(uow, EntryType.DOCUMENT_PUBLISHED, uow.today, {"document": published.document_id})
    await case.settle(uow)
    case.emit(
        uow,
        events.ApplicationDocumentPublished,
        document_id=published.document_id,
        document_title=published.title,
        document_url=published.url,
    )
    case.audit(uow, "document_published", document=published.document_id)


async def reply_of(uow: UnitOfWork, application_id: UUID) -> Reply | None:
    """Return the case's reply, in whatever state."""
    return (await uow.session.execute(select(Reply).where(Reply.application_id == application_id))).scalar_one_or_none()


def seal_text(desk: Desk, grounds: str | None, content: str | None) -> str:
    """Seal what a reply says: it may name people."""
    return desk.vault.seal(json.dumps({"grounds": grounds, "content": content}, ensure_ascii=False), context=TEXT)


def open_text(desk: Desk, sealed: str) -> tuple[str | None, str | None]:
    """Return (grounds, content)."""
    text = json.loads(desk.vault.open(sealed, context=TEXT))
    return text["grounds"], text["content"]


def _state(reply: Reply | None) -> ReplyState | None:
    return None if reply is None else ReplyState(reply.state)
