"""HTTP bodies of documents."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.catalog.documents.commands import Content
from services.catalog.documents.rules import Ground, ReturnReason, ReviewItem, State, Verdict
from shared.events.catalog import DisclosureAttribute
from shared.http.bodies import VISIBLE_LINE, VISIBLE_TEXT, Day, Flag, Input, Line, Output, Paragraph

MAX_BODY_CHARACTERS = 300_000
Title = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=VISIBLE_LINE)]
BodyText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_BODY_CHARACTERS, pattern=VISIBLE_TEXT)]
Number = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=VISIBLE_LINE)]


class ContentInput(Input):
    """What a drafter writes. The attribute may be left open; the office may then return the draft (80号（一）)."""

    title: Title = Field(examples=["重庆市黔江区人民政府办公室关于做好政务公开工作的通知"])
    body: BodyText = Field(examples=["各乡、镇人民政府，各街道办事处：……"])
    attribute: DisclosureAttribute | None = Field(
        default=None, description="公开属性：proactive 主动公开、on_request 依申请公开、not_public 不予公开"
    )
    ground: Ground | None = Field(default=None, description="不予公开的法定事由（条例第十四至十六条）")
    reason: Paragraph | None = Field(default=None, description="不主动公开的理由")
    document_number: Number | None = Field(default=None, description="文号", examples=["黔江府办发〔2026〕53号"])
    content_source: Line | None = Field(default=None, description="来源；空则为发布机关")

    def content(self) -> Content:
        """What the command takes."""
        return Content(
            title=self.title,
            body=self.body,
            attribute=self.attribute,
            ground=self.ground,
            reason=self.reason,
            document_number=self.document_number,
            content_source=self.content_source,
        )


class DraftInput(ContentInput):
    """A new draft."""

    agency_id: UUID = Field(description="发文机关")


class ReturnInput(Input):
    """退文 with its reason."""

    reason: ReturnReason = Field(
        description="attribute_missing 未明确公开属性；reason_missing 未说明不公开理由；secrecy_concern 保密审查问题"
    )
    note: Paragraph = Field(examples=["请标明公开属性后重新报送。"])


class VerdictInput(Input):
    """The finding on one item."""

    item: ReviewItem = Field(
        description="state_secret 国家秘密、work_secret 工作秘密、trade_secret 商业秘密、privacy 个人隐私、"
        "three_securities 三安全一稳定、internal_or_process 内部事务或过程性信息"
    )
    clear: Flag = Field(description="true 为不涉及")
    note: Paragraph | None = Field(default=None, description="涉及时须写明情况")


class ReviewInput(Input):
    """保密审查: every item once."""

    items: list[VerdictInput] = Field(
        min_length=1,
        max_length=len(ReviewItem),
        examples=[[{"item": item.value, "clear": True} for item in ReviewItem]],
    )

    @model_validator(mode="after")
    def once_each(self) -> "ReviewInput":
        """An item that is judged twice is not judged."""
        if len({verdict.item for verdict in self.items}) != len(self.items):
            raise ValueError("同一审查项不得重复")
        return self

    def verdicts(self) -> dict[ReviewItem, Verdict]:
        """What the rules take."""
        return {verdict.item: Verdict(verdict.clear, verdict.note) for verdict in self.items}


class SignOffInput(Input):
    """签发. Dates are of what happened, never a due day."""

    formed_on: Day | None = Field(default=None, description="成文日期；空为今天", examples=["2026-11-20"])
    printed_on: Day | None = Field(default=None, description="印发日期", examples=["2026-11-20"])


class CorrectionInput(Input):
    """A new text beside the public one."""

    title: Title | None = Field(default=None, description="更正后的标题；空为不变")
    body: BodyText | None = Field(default=None, description="更正后的正文；空为不变")
    reason: Paragraph = Field(examples=["第三条金额有误。"])

    @model_validator(mode="after")
    def changes_something(self) -> "CorrectionInput":
        """A correction without a new text corrects nothing."""
        if self.title is None and self.body is None:
            raise ValueError("标题和正文至少更正一项")
        return self


class NoteInput(Input):
    """Why."""

    note: Paragraph = Field(examples=["经核，原文无误。"])


class WithdrawalInput(Input):
    """Why the document is public no more; the reason is shown to everybody."""

    reason: Paragraph = Field(examples=["内容已由新文件替代。"])


class DocumentSummary(Output):
    """A public document in a list."""

    id: UUID
    title: str
    index_number: str | None = Field(description="索引号", examples=["11500114009130039C/2026-00001"])
    document_number: str | None = Field(description="文号")
    agency_id: UUID
    agency_name: str
    formed_on: date | None = Field(description="成文日期")
    printed_on: date | None = Field(description="印发日期")
    published_on: date | None = Field(description="发布日期")
    revision: int
    url: str


class DocumentBody(DocumentSummary):
    """A public document wholly."""

    body: str
    content_source: str
    published_at: datetime | None


class WorkSummary(Output):
    """A document in the list of those who work on it."""

    id: UUID
    version: int
    title: str
    state: State
    state_label: str
    attribute: DisclosureAttribute | None
    agency_id: UUID
    agency_name: str
    document_number: str | None
    index_number: str | None
    formed_on: date | None
    printed_on: date | None
    published_on: date | None
    due_on: date | None = Field(description="发布期限")
    due_provisional: bool = Field(description="期限是否暂定")
    due_citation: str | None = Field(description="期限依据")
    drafter_name: str
    origin_application_id: UUID | None


class ReviewEntryBody(Output):
    """One item of one review."""

    round: int
    item: ReviewItem
    clear: bool
    note: str | None
    reviewer_name: str
    reviewed_at: datetime


class CorrectionBody(Output):
    """A correction and what became of it."""

    id: UUID
    title: str
    body: str
    reason: str
    proposed_by_name: str
    proposed_at: datetime
    decision: str | None = Field(description="applied 已更正；refused 已驳回；空为待处理")
    decided_by_name: str | None
    decided_at: datetime | None
    revision: int | None


class WorkBody(WorkSummary):
    """A document with everything known of it."""

    body: str
    ground: Ground | None
    reason: str | None
    content_source: str | None
    return_reason: ReturnReason | None
    return_note: str | None
    withdrawal_reason: str | None
    revision: int
    created_at: datetime
    updated_at: datetime
    reviews: list[ReviewEntryBody]
    corrections: list[CorrectionBody]
