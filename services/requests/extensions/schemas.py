"""HTTP bodies of extensions."""

from datetime import date, datetime
from uuid import UUID

from pydantic import Field

from services.requests.extensions.models import Extension
from services.requests.extensions.rules import ExtensionState
from shared.http.bodies import Day, Flag, Input, Output, Paragraph, Whole


class ExtensionInput(Input):
    """Asks for more time. The due day follows; it is never given."""

    working_days: Whole = Field(ge=1, le=20, description="延长的工作日数", examples=[10])
    reason: Paragraph = Field(examples=["所涉档案需从档案馆调阅。"])
    on: Day | None = Field(
        default=None, description="告知申请人之日；已经书面告知而补记的填写，不填为批准之日", examples=["2026-11-20"]
    )


class DecisionInput(Input):
    """The 负责人's decision."""

    approved: Flag = Field(description="同意与否")
    note: Paragraph | None = Field(default=None, description="审批意见")


class ExtensionBody(Output):
    id: UUID
    working_days: int
    reason: str
    told_on: date | None = Field(description="告知申请人之日")
    state: ExtensionState
    requested_at: datetime
    requested_by: str
    decided_at: datetime | None
    decided_by: str | None
    decision_note: str | None


def extension_body(row: Extension) -> ExtensionBody:
    """Show an extension to staff."""
    return ExtensionBody.model_validate(row)
