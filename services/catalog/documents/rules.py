"""Rules of a document's life: draft → submitted → reviewed → signed → published → withdrawn, and back by return 退文.

Invariants: nothing becomes public without an item-by-item secrecy review by another person than the drafter
(先审查、后公开，逐项: 保密法实施条例第四十二条) and a sign-off; only what is 主动公开 is published; text that is public
changes by a reviewed correction only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from services.catalog.documents.errors import (
    AttributeUndecided,
    DateImplausible,
    NotEditable,
    NotPubliclyDisclosable,
    ReasonMissing,
    ReturnReasonUnfounded,
    ReviewIncomplete,
    ReviewNoteMissing,
    SamePerson,
    WrongState,
)
from shared.events.catalog import DisclosureAttribute


class State(StrEnum):
    """Where a document stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    REVIEWED = "reviewed"
    SIGNED = "signed"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        """The Chinese name that people read."""
        return _STATE_LABELS[self]


_STATE_LABELS = {
    State.DRAFT: "草稿",
    State.SUBMITTED: "待审查",
    State.RETURNED: "已退文",
    State.REVIEWED: "待签发",
    State.SIGNED: "已签发",
    State.PUBLISHED: "已发布",
    State.WITHDRAWN: "已撤回",
}


class Ground(StrEnum):
    """Lawful ground for 不予公开 (条例 Arts. 14–16)."""

    STATE_SECRET = "state_secret"  # 国家秘密，第十四条
    LAW_PROHIBITS = "law_prohibits"  # 法律、行政法规禁止公开，第十四条
    THREE_SECURITIES = "three_securities"  # 危及“三安全一稳定”，第十四条
    THIRD_PARTY = "third_party"  # 商业秘密、个人隐私，第十五条
    INTERNAL_AFFAIRS = "internal_affairs"  # 内部事务信息，第十六条第一款
    PROCESS = "process"  # 过程性信息，第十六条第二款
    ENFORCEMENT_FILE = "enforcement_file"  # 行政执法案卷信息，第十六条第二款


class ReviewItem(StrEnum):
    """What the secrecy review 保密审查 looks at, one by one."""

    STATE_SECRET = "state_secret"  # 国家秘密
    WORK_SECRET = "work_secret"  # 工作秘密
    TRADE_SECRET = "trade_secret"  # 商业秘密
    PRIVACY = "privacy"  # 个人隐私
    THREE_SECURITIES = "three_securities"  # 三安全一稳定
    INTERNAL_OR_PROCESS = "internal_or_process"  # 内部事务、过程性信息


class ReturnReason(StrEnum):
    """Why a draft goes back: the two of 国办发〔2016〕80号（一）, and a concern of the review."""

    ATTRIBUTE_MISSING = "attribute_missing"  # 没有明确公开属性
    REASON_MISSING = "reason_missing"  # 没有依法依规说明不公开理由
    SECRECY_CONCERN = "secrecy_concern"  # 保密审查发现问题


@dataclass(frozen=True)
class Verdict:
    """The finding on one item; a concern needs a note."""

    clear: bool
    note: str | None = None


@dataclass(frozen=True)
class Document:
    """What the rules need to know of a document."""

    state: State
    drafter_id: str
    attribute: DisclosureAttribute | None = None
    ground: Ground | None = None
    reason: str | None = None
    return_reason: ReturnReason | None = None
    formed_on: date | None = None
    printed_on: date | None = None
    published_on: date | None = None
    due_on: date | None = None
    revision: int = 0


def edit(document: Document) -> None:
    """A draft, or one that was returned, may be edited."""
    if document.state not in (State.DRAFT, State.RETURNED):
        raise NotEditable(f"当前状态为“{document.state.label}”。")


def submit(document: Document) -> Document:
    """送审. An attribute is not demanded here: a draft without one may come in, and is returned for it."""
    edit(document)
    return replace(document, state=State.SUBMITTED, return_reason=None)


def send_back(document: Document, reason: ReturnReason) -> Document:
    """退文 (80号（一）): only for a fault the document really has."""
    _expect(document, State.SUBMITTED, State.REVIEWED)
    if reason is ReturnReason.ATTRIBUTE_MISSING and document.attribute is not None:
        raise ReturnReasonUnfounded("该文已标明公开属性。")
    if reason is ReturnReason.REASON_MISSING and document.attribute in (None, DisclosureAttribute.PROACTIVE):
        raise ReturnReasonUnfounded("仅依申请公开、不予公开的公文需要说明理由。")
    return replace(document, state=State.RETURNED, return_reason=reason)


def review(document: Document, verdicts: Mapping[ReviewItem, Verdict], reviewer_id: str) -> Document:
    """保密审查, every item, by another than the drafter; a concern on something to be published returns it."""
    _expect(document, State.SUBMITTED)
    check_review(verdicts, document.drafter_id, reviewer_id)
    check_attribute(document)
    if document.attribute is DisclosureAttribute.PROACTIVE and not all(v.clear for v in verdicts.values()):
        return replace(document, state=State.RETURNED, return_reason=ReturnReason.SECRECY_CONCERN)
    return replace(document, state=State.REVIEWED, return_reason=None)


def check_review(verdicts: Mapping[ReviewItem, Verdict], author_id: str, reviewer_id: str) -> None:
    """A review is complete, notes each concern, and is made by another than the author."""
    if reviewer_id == author_id:
        raise SamePerson("保密审查须由拟稿人以外的人员进行。")
    missing = [item for item in ReviewItem if item not in verdicts]
    if missing:
        raise ReviewIncomplete(f"尚缺 {len(missing)} 项。", missing=[item.value for item in missing])
    if any(not verdict.clear and not (verdict.note or "").strip() for verdict in verdicts.values()):
        raise ReviewNoteMissing


def check_attribute(document: Document) -> None:
    """80号（一）: the attribute is decided; 依申请公开 and 不予公开 say why, the latter with a lawful ground."""
    if document.attribute is None:
        raise AttributeUndecided
    if document.attribute is DisclosureAttribute.PROACTIVE:
        return
    if not (document.reason or "").strip():
        raise ReasonMissing
    if document.attribute is DisclosureAttribute.NOT_PUBLIC and document.ground is None:
        raise ReasonMissing("不予公开须选定法定事由（条例第十四至十六条）。")


def sign_off(
    document: Document, approver_id: str, *, formed_on: date, printed_on: date | None, today: date
) -> Document:
    """签发 by another than the drafter. 成文日 is the day of signing; 印发日 does not lie before it."""
    _expect(document, State.REVIEWED)
    if approver_id == document.drafter_id:
        raise SamePerson("签发须由拟稿人以外的负责人进行。")
    check_attribute(document)
    if formed_on > today:
        raise DateImplausible("成文日期不能晚于今天。")
    if printed_on is not None and not formed_on <= printed_on <= today:
        raise DateImplausible("印发日期应在成文日期与今天之间。")
    return replace(document, state=State.SIGNED, formed_on=formed_on, printed_on=printed_on)


def publish(document: Document, today: date) -> Document:
    """发布: only 主动公开, only after sign-off (条例 Art. 26: in time)."""
    _expect(document, State.SIGNED)
    if document.attribute is not DisclosureAttribute.PROACTIVE:
        raise NotPubliclyDisclosable
    return replace(document, state=State.PUBLISHED, published_on=today, revision=1)


def propose_correction(document: Document) -> None:
    """Only what is public is corrected."""
    _expect(document, State.PUBLISHED)


def correct(document: Document, verdicts: Mapping[ReviewItem, Verdict], author_id: str, reviewer_id: str) -> Document:
    """A correction is a publication: it is reviewed item by item, and every item must be clear."""
    _expect(document, State.PUBLISHED)
    check_review(verdicts, author_id, reviewer_id)
    if not all(verdict.clear for verdict in verdicts.values()):
        raise NotPubliclyDisclosable("保密审查有疑点的更正不能发布，请驳回。")
    return replace(document, revision=document.revision + 1)


def withdraw(document: Document) -> Document:
    """撤回: the text is no longer public; readers and CMSs are told."""
    _expect(document, State.PUBLISHED)
    return replace(document, state=State.WITHDRAWN)


def is_late(document: Document) -> bool:
    """Whether it became public after its due day."""
    published, due = document.published_on, document.due_on
    return published is not None and due is not None and published > due


def index_number(pattern: str, code: str, year: int, serial: int) -> str:
    """索引号, e.g. `<机构代码>/<年>-<5位流水>` for `{code}/{year}-{serial:05d}`."""
    return pattern.format(code=code, year=year, serial=serial)


def _expect(document: Document, *states: State) -> None:
    if document.state not in states:
        wanted = "、".join(state.label for state in states)
        raise WrongState(f"当前状态为“{document.state.label}”，此操作要求“{wanted}”。", state=document.state.value)
