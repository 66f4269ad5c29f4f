"""HTTP bodies of the change feed."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.catalog.documents.publication import Publishing
from services.catalog.feeds.commands import NewReceipt
from services.catalog.feeds.models import FeedReceipt
from services.catalog.feeds.queries import ChangeView, Proof
from services.catalog.feeds.rules import Change, Outcome
from shared.http.bodies import Input, Line, Output, Paragraph, WebAddress, Whole


class ChangeBody(Output):
    """One public change. A withdrawn document is told without its title, also by its earlier changes."""

    sequence: int
    change: Change = Field(description="published 发布、corrected 更正、withdrawn 撤回")
    document_id: UUID
    revision: int
    title: str | None = Field(description="公文已撤回时为空")
    index_number: str | None
    document_number: str | None
    agency_id: UUID
    agency_name: str
    reason: str | None = Field(description="更正或撤回的理由")
    changed_at: datetime
    url: str


class FeedBody(Output):
    """Changes after a cursor. Keep `next_cursor` and ask with it again, also when there is nothing new."""

    items: list[ChangeBody]
    next_cursor: str
    has_more: bool


class ReceiptInput(Input):
    """What a CMS says it did with a change."""

    cms: Line = Field(description="站点名称", examples=["黔江区政府门户网站"])
    sequence: Whole = Field(ge=1, le=2**62, description="变更序号")
    outcome: Outcome = Field(description="taken 已上网（撤回时为已撤下）；failed 失败")
    url: WebAddress | None = Field(default=None, examples=["https://www.example.gov.cn/zwgk/2026/1.html"])
    note: Paragraph | None = None

    def new(self) -> NewReceipt:
        """What the command takes."""
        return NewReceipt(self.sequence, self.outcome, self.url, self.note)


class ReceiptBody(Output):
    """A CMS's answer."""

    id: UUID
    document_id: UUID
    sequence: int
    cms: str
    outcome: Outcome
    url: str | None
    note: str | None
    received_at: datetime


class ProofBody(Output):
    """Whether a document is proven to be shown as it is now."""

    newest_sequence: int | None
    proven: bool = Field(description="至少一个站点已回执最新变更")
    receipts: list[ReceiptBody]


def change_body(view: ChangeView, publishing: Publishing) -> ChangeBody:
    """Show a change."""
    entry, document = view.entry, view.document
    return ChangeBody(
        sequence=entry.sequence or 0,
        change=Change(entry.change),
        document_id=entry.document_id,
        revision=entry.revision,
        title=None if view.gone else entry.title,
        index_number=document.index_number,
        document_number=None if view.gone else document.document_number,
        agency_id=entry.agency_id,
        agency_name=view.agency_name,
        reason=entry.reason,
        changed_at=entry.changed_at,
        url=publishing.url(entry.document_id),
    )


def receipt_body(receipt: FeedReceipt) -> ReceiptBody:
    """Show a CMS's answer."""
    return ReceiptBody.model_validate(receipt)


def proof_body(proof: Proof) -> ProofBody:
    """Show what CMSs answered."""
    return ProofBody(
        newest_sequence=proof.newest_sequence,
        proven=proof.proven,
        receipts=[receipt_body(receipt) for receipt in proof.receipts],
    )
