"""HTTP bodies of incidents."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.sentiment.clocks.schemas import ClockBody, clock_body
from services.sentiment.incidents.commands import NewIncident
from services.sentiment.incidents.models import CLOSED
from services.sentiment.incidents.queries import View
from services.sentiment.incidents.rules import LEVEL_LABELS, Outcome, Times
from services.sentiment.responses.schemas import ResponseBody, response_body
from shared.events.sentiment import IncidentLevel
from shared.http.bodies import Input, Line, Moment, Output, Paragraph

State = Literal["open", "closed"]


class IncidentInput(Input):
    """What a clerk reports. Due times are computed, never accepted."""

    agency_id: UUID = Field(description="涉事责任部门（第一责任主体）")
    title: Line = Field(examples=["城东化工园区火灾舆情"])
    summary: Paragraph = Field(examples=["多名网民发布园区起火视频，询问伤亡和空气质量。"])
    source: Line = Field(description="舆情来源", examples=["网络舆情监测"])
    level: IncidentLevel = Field(description="突发事件等级；非突发事件舆情为 not_emergency")
    occurred_at: Moment | None = Field(
        default=None, description="发生时间；突发事件必填", examples=["2026-11-22T01:10:00+08:00"]
    )
    detected_at: Moment = Field(description="发现时间", examples=["2026-11-22T01:25:00+08:00"])
    assigned_at: Moment | None = Field(default=None, description="交办时间", examples=["2026-11-22T01:40:00+08:00"])

    def command(self) -> NewIncident:
        times = Times(self.occurred_at, self.detected_at, self.assigned_at)
        return NewIncident(self.agency_id, self.title, self.summary, self.source, self.level, times)


class ReclassificationInput(Input):
    """Another level, and why."""

    level: IncidentLevel
    reason: Paragraph = Field(examples=["经应急管理部门核定，调整为重大突发事件。"])


class ClosingInput(Input):
    """How the incident ended."""

    outcome: Outcome = Field(description="handled：已处置；unfounded：不实或误报")
    note: Paragraph = Field(examples=["明火已扑灭，信息发布完毕，舆情平稳。"])


class IncidentSummary(Output):
    """An incident as lists show it."""

    id: UUID
    version: int
    agency_id: UUID
    agency_name: str
    title: str
    level: IncidentLevel
    level_label: str
    state: State
    started_at: datetime
    registered_at: datetime
    clocks: list[ClockBody]


class IncidentBody(IncidentSummary):
    """An incident with everything known of it."""

    summary: str
    source: str
    occurred_at: datetime | None
    detected_at: datetime
    assigned_at: datetime | None
    registered_by: str
    closed_at: datetime | None
    outcome: Outcome | None
    closing_note: str | None
    responses: list[ResponseBody]


def incident_summary(view: View) -> IncidentSummary:
    """Show an incident in a list."""
    return IncidentSummary(**_common(view))


def incident_body(view: View) -> IncidentBody:
    """Show an incident wholly."""
    incident = view.incident
    return IncidentBody(
        **_common(view),
        summary=incident.summary,
        source=incident.source,
        occurred_at=incident.occurred_at,
        detected_at=incident.detected_at,
        assigned_at=incident.assigned_at,
        registered_by=incident.registered_by,
        closed_at=incident.closed_at,
        outcome=Outcome(incident.outcome) if incident.outcome else None,
        closing_note=incident.closing_note,
        responses=[response_body(row) for row in view.responses],
    )


def _common(view: View) -> dict[str, Any]:
    incident = view.incident
    stopped = incident.state == CLOSED
    return {
        "id": incident.id,
        "version": incident.version,
        "agency_id": incident.agency_id,
        "agency_name": view.agency_name,
        "title": incident.title,
        "level": incident.level_value,
        "level_label": LEVEL_LABELS[incident.level_value],
        "state": incident.state,
        "started_at": incident.started_at,
        "registered_at": incident.registered_at,
        "clocks": [clock_body(row, view.now, stopped=stopped) for row in view.clocks],
    }
