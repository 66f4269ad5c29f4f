"""HTTP bodies of replies."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.requests.clock.events import RegulationName
from services.requests.desk import Desk
from services.requests.replies.commands import open_text
from services.requests.replies.dispositions import Outcome, RemedyKind, TableRow, articles_of, remedies, table_rows
from services.requests.replies.models import Reply
from services.requests.replies.rules import DeliveryMode, Draft, ReplyState
from shared.http.bodies import Day, Input, Line, Output, Paragraph, WebAddress

ROW = r"^3\.[0-9](\.[0-9])?$"


class ReplyInput(Input):
    """A draft: outcome, the row of table 三 that counts it, and what Art. 36 wants it to contain."""

    outcome: Outcome = Field(description="答复种类（条例第三十六条等）")
    row: str = Field(pattern=ROW, description="年度报告表三的行", examples=["3.1"])
    grounds: Paragraph | None = Field(default=None, description="理由", examples=["涉及第三方商业秘密。"])
    content: Paragraph | None = Field(default=None, description="所提供的信息，或者获取的方式、途径和时间")
    refused_row: str | None = Field(default=None, pattern=ROW, description="部分公开中不予公开部分的情形")
    document_id: UUID | None = Field(default=None, description="已公开文件的编号（主动公开目录中）")
    document_title: Line | None = None
    document_url: WebAddress | None = None
    new_document_title: Line | None = Field(default=None, description="拟转为主动公开的新文件标题")
    new_document_formed_on: Day | None = Field(default=None, description="该文件的形成日期")

    def command(self) -> Draft:
        return Draft(**self.model_dump())


class DeliveryInput(Input):
    """How and when the reply was handed over (国办公开办函〔2016〕235号)."""

    mode: DeliveryMode = Field(description="直接、委托或者邮政企业邮寄")
    on: Day = Field(description="签收之日；邮寄为交邮之日", examples=["2026-11-20"])
    proof: str = Field(
        default="",
        max_length=100,
        pattern=r"^[^\x00-\x1f\x7f]*$",
        description="送达凭证：邮件编号或者签收回证编号",
        examples=["EZ123456789CN"],
    )


class ReplyBody(Output):
    """The reply, as far as it has come."""

    state: ReplyState
    outcome: Outcome
    outcome_label: str
    row: str
    row_label: str
    articles: str
    refused_row: str | None
    grounds: str | None
    content: str | None
    document_id: UUID | None
    document_title: str | None
    document_url: str | None
    new_document_title: str | None
    new_document_formed_on: date | None
    drafted_at: datetime
    drafted_by: str
    decided_at: datetime | None
    decided_by: str | None
    decision_note: str | None
    remedy: str | None
    remedy_citation: str | None
    delivery_mode: DeliveryMode | None
    delivery_label: str | None
    delivered_on: date | None
    delivery_proof: str | None
    published_title: str | None
    published_url: str | None


def reply_body(row: Reply, desk: Desk, regulation: RegulationName) -> ReplyBody:
    """Show a reply to staff, or, once it is delivered, to the applicant."""
    grounds, content = open_text(desk, row.text_sealed)
    mode = None if row.delivery_mode is None else DeliveryMode(row.delivery_mode)
    table_row = table_rows()[row.row]
    return ReplyBody(
        state=ReplyState(row.state),
        outcome=Outcome(row.outcome),
        outcome_label=Outcome(row.outcome).label,
        row=row.row,
        row_label=table_row.label,
        articles=articles_of(Outcome(row.outcome), row.row, row.refused_row, regulation),
        refused_row=row.refused_row,
        grounds=grounds,
        content=content,
        document_id=row.document_id,
        document_title=row.document_title,
        document_url=row.document_url,
        new_document_title=row.new_document_title,
        new_document_formed_on=row.new_document_formed_on,
        drafted_at=row.drafted_at,
        drafted_by=row.drafted_by,
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        decision_note=row.decision_note,
        remedy=row.remedy,
        remedy_citation=next((remedy.citation for remedy in remedies() if remedy.id == row.remedy_id), None),
        delivery_mode=mode,
        delivery_label=None if mode is None else f"{mode.label}（{mode.counts_from}）",
        delivered_on=row.delivered_on,
        delivery_proof=row.delivery_proof,
        published_title=row.published_title,
        published_url=row.published_url,
    )


class DispositionBody(Output):
    """One row of table 三 that a reply may fall into."""

    row: str
    label: str
    outcomes: list[Outcome]
    articles: str
    refusal: bool = Field(description="是否属于先复议的不予公开")


def disposition_body(row: TableRow) -> DispositionBody:
    """Show a row."""
    return DispositionBody(
        row=row.row,
        label=row.label,
        outcomes=sorted(row.outcomes),
        articles=row.articles,
        refusal=row.remedy is RemedyKind.REFUSAL,
    )
