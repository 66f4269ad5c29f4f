"""HTTP bodies of responses."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.sentiment.responses.commands import NewResponse
from services.sentiment.responses.models import Response
from services.sentiment.responses.rules import Kind
from shared.http.bodies import Input, Line, Moment, Output, Paragraph, WebAddress


class ResponseInput(Input):
    """A response that was given."""

    kind: Kind = Field(description="所完成的步骤，或持续发布（continued）")
    responded_at: Moment = Field(description="实际发布、举行或回应的时间", examples=["2026-11-22T03:40:00+08:00"])
    outlet: Line = Field(description="发布渠道", examples=["县政府门户网站"])
    url: WebAddress | None = Field(default=None, examples=["https://example.gov.cn/news/1.html"])
    summary: Paragraph = Field(examples=["通报火情已控制，疏散群众 320 人，无人员伤亡。"])

    def command(self) -> NewResponse:
        return NewResponse(self.kind, self.responded_at, self.outlet, self.url, self.summary)


class ResponseBody(Output):
    """A recorded response; `in_time` is null for a continued release."""

    id: UUID
    kind: Kind
    label: str
    responded_at: datetime
    in_time: bool | None
    outlet: str
    url: str | None
    summary: str
    recorded_at: datetime
    recorded_by: str


def response_body(row: Response) -> ResponseBody:
    """Show a response."""
    return ResponseBody(
        id=row.id,
        kind=Kind(row.kind),
        label=Kind(row.kind).label,
        responded_at=row.responded_at,
        in_time=row.in_time,
        outlet=row.outlet,
        url=row.url,
        summary=row.summary,
        recorded_at=row.recorded_at,
        recorded_by=row.recorded_by,
    )
