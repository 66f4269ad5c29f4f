"""Consultations: which answers each kind may have, and what silence means.

第三方: silence leaves the decision to the organ (Art. 32). 共同制作机关: silence is consent (Art. 34). 其他机关 have no
term.
"""

from enum import StrEnum

from services.requests.clock.events import ConsultationKind
from shared.errors import Category, DomainError


class Opinion(StrEnum):
    """What the consulted party said."""

    AGREES = "agrees"
    OBJECTS = "objects"
    NO_ANSWER = "no_answer"

    @property
    def label(self) -> str:
        return {"agrees": "同意公开", "objects": "不同意公开", "no_answer": "逾期未答复"}[self.value]


class ReasonMissing(DomainError):
    """Art. 32: an objection stands only with a reason that can be weighed."""

    code = "reason_missing"
    title = "不同意公开须说明理由"
    category = Category.UNPROCESSABLE


class ConsultationOver(DomainError):
    code = "consultation_over"
    title = "该次征求意见已经结束"
    category = Category.CONFLICT


class DeliveryKnown(DomainError):
    code = "delivery_known"
    title = "送达日已经记录"
    category = Category.CONFLICT


LABELS = {
    ConsultationKind.THIRD_PARTY: "征求第三方意见",
    ConsultationKind.JOINT_ORGAN: "征求共同制作机关意见",
    ConsultationKind.OTHER_ORGAN: "征求其他机关意见",
}


def check_opinion(opinion: Opinion, reason: str | None) -> None:
    """An objection says why."""
    if opinion is Opinion.OBJECTS and not reason:
        raise ReasonMissing()


def silence_means(kind: ConsultationKind, *, provisional: bool) -> str:
    """Return what follows when the term ends without an answer; a provisional end may still move, and is not final."""
    if kind is ConsultationKind.OTHER_ORGAN:
        return "未约定期限"
    if kind is ConsultationKind.JOINT_ORGAN:
        follows = "逾期未答复，视为同意公开（条例第三十四条）"
    else:
        follows = "逾期未答复，由行政机关依照条例决定（条例第三十二条）"
    return follows + ("；届满之日为暂定，放假通知发布后重新计算" if provisional else "")
