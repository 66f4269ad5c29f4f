"""HTTP bodies of local values."""

from collections.abc import Container
from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.catalog.local_rules.models import LocalValue
from services.catalog.local_rules.rules import LocalValueData, Start
from shared.http.bodies import Day, Input, Line, Output, Paragraph, Whole


class LocalValueInput(Input):
    """A value with the paper it rests on and why it is set."""

    agency_id: UUID = Field(description="适用于该机关及其下级")
    rule_id: Line = Field(description="条款编号，见 /statutes", examples=["pub.limit"])
    value: Whole | None = Field(ge=1, le=1_000, description="数值，单位同国家条款；null 为不再自定", examples=[5])
    since: Day = Field(description="自哪一日起生效", examples=["2026-12-01"])
    start: Start = Field(
        default=Start.FORMED,
        description="自公文的哪一日起算：formed 同国家条款（成文日），printed 印发日；无论如何不晚于国家期限",
    )
    citation: Line = Field(description="依据", examples=["青山县政务公开工作办法（青府发〔2026〕3号）第八条"])
    reason: Paragraph = Field(description="理由", examples=["县政府要求加快公开。"])

    def data(self) -> LocalValueData:
        """A value for the rules."""
        return LocalValueData(self.rule_id, self.value, self.since, self.citation, self.reason, self.start)


class LocalValueBody(Output):
    """What one agency set, by whom and why."""

    id: UUID
    agency_id: UUID
    rule_id: str
    value: int | None
    since: Day
    start: Start
    citation: str
    reason: str
    author: str
    recorded_at: datetime
    overruled: bool = Field(description="宽于国家、本地或者上级的规定（后来变严），不适用")


def local_value_body(value: LocalValue, overruled: Container[UUID]) -> LocalValueBody:
    """Show a value, and whether it is among those that give way to a stricter row above."""
    columns = {name: getattr(value, name) for name in LocalValueBody.model_fields if name != "overruled"}
    return LocalValueBody(**columns, overruled=value.id in overruled)
