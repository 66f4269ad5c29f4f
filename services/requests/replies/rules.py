"""What a reply must contain, and the order draft → approved → delivered.

Every outcome states its grounds except a disclosure (Art. 36); a refused part names its row (Art. 37); a disclosure
provides the information, or says where and when it can be had.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from services.requests.applications.rules import check_arrival
from services.requests.replies.dispositions import Outcome, RemedyKind, table_rows
from shared.errors import Category, DomainError


class ReplyState(StrEnum):
    DRAFT = "draft"
    RETURNED = "returned"
    APPROVED = "approved"
    DELIVERED = "delivered"


class DeliveryMode(StrEnum):
    """国办公开办函〔2016〕235号: direct, by another organ, or by 邮政企业; no other courier."""

    DIRECT = "direct"
    ENTRUSTED = "entrusted"
    POST = "post"

    @property
    def label(self) -> str:
        return {"direct": "直接送达", "entrusted": "委托其他行政机关代为送达", "post": "邮政企业邮寄"}[self.value]

    @property
    def counts_from(self) -> str:
        """Which day makes the reply: 交邮之日 by post, 签收之日 otherwise."""
        return "交邮之日" if self is DeliveryMode.POST else "签收之日"


class RowDoesNotFit(DomainError):
    code = "row_does_not_fit"
    title = "表三的行与答复种类不符"
    category = Category.UNPROCESSABLE


class GroundsMissing(DomainError):
    code = "grounds_missing"
    title = "此种答复须说明理由"
    category = Category.UNPROCESSABLE


class InformationMissing(DomainError):
    """A disclosure that discloses nothing."""

    code = "information_missing"
    title = "须提供信息，或者告知获取的方式、途径和时间"
    category = Category.UNPROCESSABLE


class RefusedRowMissing(DomainError):
    code = "refused_row_missing"
    title = "部分公开须写明不予公开部分属于哪一种情形"
    category = Category.UNPROCESSABLE


class NoDraft(DomainError):
    code = "no_draft"
    title = "没有等待审批的答复"
    category = Category.INVALID_STATE


class AlreadyApproved(DomainError):
    code = "reply_already_approved"
    title = "答复已经审批，不能再改"
    category = Category.CONFLICT


class NotApproved(DomainError):
    code = "reply_not_approved"
    title = "答复尚未审批，不能送达"
    category = Category.INVALID_STATE


class DeliveredBeforeDecided(DomainError):
    code = "delivered_before_decided"
    title = "送达日不能早于审批日"
    category = Category.UNPROCESSABLE


class ProofMissing(DomainError):
    """235号: mail goes through 邮政企业 only, whose receipt number proves 交邮之日."""

    code = "proof_missing"
    title = "须填写送达凭证（邮寄为邮政企业的邮件编号）"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True)
class Draft:
    """A reply as the clerk drafts it."""

    outcome: Outcome
    row: str
    grounds: str | None = None
    content: str | None = None
    refused_row: str | None = None
    document_id: UUID | None = None
    document_title: str | None = None
    document_url: str | None = None
    new_document_title: str | None = None
    new_document_formed_on: date | None = None

    @property
    def points_at_information(self) -> bool:
        return bool(self.content or self.document_id or self.document_url or self.new_document_title)


DISCLOSING = frozenset({Outcome.ALREADY_PUBLIC, Outcome.DISCLOSED, Outcome.PARTLY_DISCLOSED})
WITHOUT_GROUNDS = frozenset({Outcome.ALREADY_PUBLIC, Outcome.DISCLOSED})


def check_draft(draft: Draft, today: date) -> None:
    """Refuse a draft that does not contain what its outcome demands."""
    row = table_rows().get(draft.row)
    if row is None or draft.outcome not in row.outcomes:
        fitting = [row.row for row in table_rows().values() if draft.outcome in row.outcomes]
        raise RowDoesNotFit(f"“{draft.outcome.label}”可用的行：{'、'.join(fitting)}。", rows=fitting)
    if draft.outcome not in WITHOUT_GROUNDS and not draft.grounds:
        raise GroundsMissing()
    if draft.outcome in DISCLOSING and not draft.points_at_information:
        raise InformationMissing()
    if draft.outcome is Outcome.PARTLY_DISCLOSED:
        refused = table_rows().get(draft.refused_row or "")
        if refused is None or refused.remedy is not RemedyKind.REFUSAL:
            raise RefusedRowMissing()
    if draft.new_document_formed_on is not None:
        check_arrival(draft.new_document_formed_on, today)


def require_draft(state: ReplyState | None) -> None:
    """Something waits for approval."""
    if state is not ReplyState.DRAFT:
        raise NoDraft()


def require_changeable(state: ReplyState | None) -> None:
    """An approved reply is drafted no more."""
    if state in (ReplyState.APPROVED, ReplyState.DELIVERED):
        raise AlreadyApproved()


def check_delivery(state: ReplyState | None, mode: DeliveryMode, on: date, decided_on: date | None, proof: str) -> None:
    """A reply is delivered after it was decided, with proof."""
    if state is not ReplyState.APPROVED or decided_on is None:
        raise NotApproved()
    if on < decided_on:
        raise DeliveredBeforeDecided(f"审批日为 {decided_on}。")
    if mode is DeliveryMode.POST and not proof.strip():
        raise ProofMissing()
