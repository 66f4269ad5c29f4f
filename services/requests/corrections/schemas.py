"""HTTP bodies of corrections."""

from pydantic import Field

from services.requests.applications.schemas import ContentInput
from shared.http.bodies import Day, Input, Paragraph, Whole


class CorrectionNoticeInput(Input):
    """补正告知书: every item at once, and a reasonable period for the answer."""

    on: Day = Field(description="告知之日", examples=["2026-11-20"])
    items: Paragraph = Field(description="需要补正的事项", examples=["请写明所需报告的年度和项目名称。"])
    answer_within_working_days: Whole = Field(default=10, ge=1, le=60, description="合理的补正期限（工作日）")


class CorrectionInput(Input):
    """The corrected application."""

    on: Day = Field(description="收到补正后申请之日", examples=["2026-11-20"])
    content: ContentInput | None = Field(default=None, description="补正后的内容；没有变化的可以不填")
