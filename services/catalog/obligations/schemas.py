"""HTTP bodies of obligations."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from services.catalog.obligations.commands import NewObligation
from services.catalog.obligations.models import Obligation
from services.catalog.obligations.queries import InstanceView, ObligationView
from services.catalog.obligations.rules import Cadence, InstanceState, MonthDay
from shared.http.bodies import Day, Input, Line, Output, Paragraph, Whole
from shared.statutes import Unit

CADENCES = (
    "days 每 n 日、weekly 每周、monthly 每月、quarterly 每季度、half_yearly 每半年、annual 每年、once 一次性、"
    "triggered 事项发生后、unscheduled 定期、适时、实时等无数字频次"
)


def _a_day(text: str) -> str:
    MonthDay.parse(text)
    return text


MonthDayText = Annotated[str, StringConstraints(pattern=r"^[01]\d-[0-3]\d$"), AfterValidator(_a_day)]
Key = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


class ObligationInput(Input):
    """An obligation as its source states it. Due days are computed, never accepted."""

    agency_id: UUID
    key: Key = Field(description="在该机关内唯一的编号", examples=["G03"])
    title: Line = Field(examples=["发布四川蔬菜、水果和生猪价格行情"])
    quote: Paragraph = Field(description="来源原文", examples=["每周发布四川蔬菜、水果和生猪价格行情"])
    plan: Line = Field(description="来源文件", examples=["川办发〔2017〕40号"])
    citation: Line = Field(description="依据", examples=["川办发〔2017〕40号"])
    cadence: Cadence = Field(description=CADENCES, examples=["weekly"])
    starts_on: Day = Field(description="自何日起", examples=["2026-11-01"])
    every_days: Whole | None = Field(default=None, ge=1, le=3660, description="cadence 为 days 时的天数")
    due_by: MonthDayText | None = Field(default=None, description="每年截止月日（annual）", examples=["06-30"])
    once_on: Day | None = Field(default=None, description="cadence 为 once 时的日期")
    season_from: MonthDayText | None = Field(default=None, description="季节性义务每年起始月日")
    season_to: MonthDayText | None = Field(default=None, description="季节性义务每年截止月日")
    limit_number: Whole | None = Field(default=None, ge=1, le=366, description="事项发生后的期限")
    limit_unit: Unit | None = Field(default=None, description="期限单位：working_day 或 calendar_day")

    @model_validator(mode="after")
    def whole(self) -> "ObligationInput":
        """Pairs come together, and a limit counts days."""
        if (self.season_from is None) != (self.season_to is None):
            raise ValueError("季节起止须同时填写")
        if (self.limit_number is None) != (self.limit_unit is None):
            raise ValueError("期限的数字和单位须同时填写")
        if self.limit_unit not in (None, Unit.WORKING_DAY, Unit.CALENDAR_DAY):
            raise ValueError("期限单位只能是 working_day 或 calendar_day")
        return self

    def new(self) -> NewObligation:
        """What the command takes."""
        season = None
        if self.season_from and self.season_to:
            season = (MonthDay.parse(self.season_from), MonthDay.parse(self.season_to))
        return NewObligation(
            key=self.key,
            title=self.title,
            quote=self.quote,
            plan=self.plan,
            citation=self.citation,
            cadence=self.cadence,
            starts_on=self.starts_on,
            every_days=self.every_days,
            due_by=MonthDay.parse(self.due_by) if self.due_by else None,
            once_on=self.once_on,
            season=season,
            limit_number=self.limit_number,
            limit_unit=self.limit_unit,
        )


class IntervalInput(Input):
    """The agency's own interval for an obligation without a numeric cadence; null takes it away."""

    interval_days: Whole | None = Field(ge=1, le=3660, examples=[30])


class EventInput(Input):
    """The event that an obligation waits for."""

    happened_on: Day = Field(examples=["2026-11-20"])


class FulfilmentInput(Input):
    """The published document that fulfils an instance."""

    document_id: UUID


class ObligationBody(Output):
    """An obligation."""

    id: UUID
    version: int
    agency_id: UUID
    agency_name: str
    key: str
    title: str
    quote: str
    plan: str
    citation: str
    cadence: Cadence
    every_days: int | None
    due_by: str | None
    once_on: date | None
    season_from: str | None
    season_to: str | None
    limit_number: int | None
    limit_unit: Unit | None
    interval_days: int | None
    starts_on: date
    dated: bool = Field(description="是否自动产生有期限的公开任务")
    generated_through: date | None = Field(description="任务已生成至何日")


class InstanceBody(Output):
    """A dated instance."""

    id: UUID
    version: int
    obligation_id: UUID
    agency_id: UUID
    agency_name: str
    title: str
    state: InstanceState
    period_start: date
    period_end: date
    due_on: date
    due_provisional: bool = Field(description="期限是否暂定")
    citation: str
    triggered_on: date | None
    document_id: UUID | None
    fulfilled_on: date | None
    late: bool = Field(description="是否逾期完成")
    created_at: datetime


def obligation_body(view: ObligationView) -> ObligationBody:
    """Show an obligation."""
    row: Obligation = view.obligation
    same = {
        name: getattr(row, name)
        for name in ObligationBody.model_fields
        if name not in ("agency_name", "dated", "cadence", "limit_unit")
    }
    return ObligationBody(
        **same,
        agency_name=view.agency_name,
        cadence=Cadence(row.cadence),
        limit_unit=Unit(row.limit_unit) if row.limit_unit else None,
        dated=row.schedule.dated,
    )


def instance_body(view: InstanceView) -> InstanceBody:
    """Show a dated instance."""
    row = view.instance
    same = {
        name: getattr(row, name)
        for name in InstanceBody.model_fields
        if name not in ("agency_name", "title", "state", "late")
    }
    return InstanceBody(
        **same,
        agency_name=view.agency_name,
        title=view.obligation.title,
        state=row.current,
        late=row.fulfilled_on is not None and row.fulfilled_on > row.due_on,
    )
