"""HTTP bodies of the public status: no name, no handler, no internal id."""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from services.requests.applications.models import CaseEntry
from services.requests.applications.personal import NOTE, Content
from services.requests.applications.rules import EntryType
from services.requests.applications.schemas import STATE_LABELS, UNCONFIRMED
from services.requests.clock.queries import actual
from services.requests.clock.schemas import ClockBody
from services.requests.corrections.rules import answer_term
from services.requests.desk import Desk
from services.requests.replies.commands import open_text
from services.requests.replies.dispositions import Outcome, articles_of, remedies
from services.requests.replies.rules import DeliveryMode, ReplyState
from services.requests.status.queries import Status
from shared.events.requests import ApplicationState
from shared.http.bodies import Input, Output

ReceiptNumber = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
SecretCode = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f]+$")]
SHOWN = frozenset(EntryType) - {EntryType.RETURNED, EntryType.REGULATION_CHOSEN}


class StatusInput(Input):
    receipt_number: ReceiptNumber = Field(description="受理编号", examples=["11500000009275780A-2026-000001"])
    code: SecretCode = Field(description="查询码", examples=["7K2MP-9QXWD"])


class StatusEntry(Output):
    on: date
    type: EntryType
    label: str
    extended_by: int | None = Field(description="延长的工作日数；其他事项为空")
    due_on: date | None = Field(description="延长后的答复期限，按现行日历计算；其他事项为空")
    provisional: bool = Field(description="暂定：due_on 所在年度的放假通知尚未发布")


class RemedyDayBody(Output):
    """Until when the applicant may object in one way."""

    label: str
    last: date | None = Field(description="最后一日；邮寄送达的为空，因为签收之日不在案")
    not_before: date | None = Field(description="邮寄送达的，最后一日不早于此日（以交邮当日即签收推算）")
    condition: str | None = Field(description="邮寄送达的，期限怎样由签收之日起算")
    provisional: bool = Field(description="暂定：相关年度的放假通知尚未发布")
    citation: str


class StatusReply(Output):
    """The delivered reply."""

    outcome: Outcome
    outcome_label: str
    articles: str
    grounds: str | None
    content: str | None
    document_title: str | None
    document_url: str | None
    remedy: str | None
    remedy_citation: str | None
    remedy_days: list[RemedyDayBody] = Field(description="各救济途径的最后一日，邮寄送达的为其条件")
    delivered_on: date
    delivery_label: str


class StatusBody(Output):
    """Where the case stands, and why its due day is what it is."""

    receipt_number: str
    title: str = Field(description="所需政府信息的名称")
    agency_name: str
    state: ApplicationState
    state_label: str
    registered_at: datetime
    received_on: date | None
    due_on: date | None
    provisional: bool
    unconfirmed: bool = UNCONFIRMED
    left: int | None = Field(description="剩余工作日；已办结的为空")
    correction_answer_by: date | None = Field(description="等待补正时，补正期限的最后一日")
    correction_answer_provisional: bool = Field(description="暂定：correction_answer_by 所在年度的放假通知尚未发布")
    correction_items: str | None = Field(description="等待补正时，需要补正的事项")
    history: list[StatusEntry]
    clock: ClockBody
    reply: StatusReply | None


def status_body(status: Status, desk: Desk) -> StatusBody:
    """Show a case to its applicant."""
    row, standing = status.view.row, status.view.standing
    answer = answer_term(row.answer_by, status.view.facts, status.view.calendar) if _awaits_correction(status) else None
    return StatusBody(
        receipt_number=row.receipt_number,
        title=Content.open(desk.vault, row.content_sealed).title,
        agency_name=status.view.agency_name,
        state=standing.state,
        state_label=STATE_LABELS[standing.state],
        registered_at=row.registered_at,
        received_on=row.received_on,
        due_on=standing.due_on,
        provisional=standing.provisional,
        unconfirmed=standing.unconfirmed,
        left=standing.left,
        correction_answer_by=None if answer is None else answer.last,
        correction_answer_provisional=answer is not None and answer.provisional,
        correction_items=_items(status, desk),
        history=[_entry(entry, status) for entry in status.entries if EntryType(entry.type) in SHOWN],
        clock=actual(status.view, desk),
        reply=_reply(status, desk),
    )


def _entry(entry: CaseEntry, status: Status) -> StatusEntry:
    told = status.extended.get(entry.sequence)
    return StatusEntry(
        on=entry.on,
        type=EntryType(entry.type),
        label=EntryType(entry.type).label,
        extended_by=None if told is None else told.working_days,
        due_on=None if told is None else told.due_on,
        provisional=told is not None and told.provisional,
    )


def _awaits_correction(status: Status) -> bool:
    """A case may be closed while it waits: then nobody is asked for anything."""
    return status.view.standing.state is ApplicationState.AWAITING_CORRECTION


def _items(status: Status, desk: Desk) -> str | None:
    if not _awaits_correction(status):
        return None
    asked = [entry for entry in status.entries if entry.type == EntryType.CORRECTION_NOTICE]
    sealed = asked[-1].note_sealed if asked else None
    return None if sealed is None else desk.vault.open(sealed, context=NOTE)


def _reply(status: Status, desk: Desk) -> StatusReply | None:
    reply = status.view.reply
    if reply is None or ReplyState(reply.state) is not ReplyState.DELIVERED:
        return None
    assert reply.delivery_mode is not None and reply.delivered_on is not None
    grounds, content = open_text(desk, reply.text_sealed)
    mode = DeliveryMode(reply.delivery_mode)
    return StatusReply(
        outcome=Outcome(reply.outcome),
        outcome_label=Outcome(reply.outcome).label,
        articles=articles_of(Outcome(reply.outcome), reply.row, reply.refused_row, status.view.standing.applied),
        grounds=grounds,
        content=content,
        document_title=reply.published_title or reply.document_title,
        document_url=reply.published_url or reply.document_url,
        remedy=reply.remedy,
        remedy_citation=next((remedy.citation for remedy in remedies() if remedy.id == reply.remedy_id), None),
        remedy_days=[RemedyDayBody.model_validate(day) for day in status.remedies],
        delivered_on=reply.delivered_on,
        delivery_label=f"{mode.label}（{mode.counts_from}）",
    )
