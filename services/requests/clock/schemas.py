"""HTTP bodies of the clock: the answer with its ledger, and hypothetical events."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from services.requests.clock import events as happened
from services.requests.clock.events import ClockEvent, ConsultationKind, RegulationName
from services.requests.clock.labels import REASONS
from services.requests.clock.rules import ClockReading
from shared.http.bodies import Day, Input, Line, Output, Whole

FIRST, LAST = date(2008, 5, 1), date(2030, 12, 31)


def _countable(day: date) -> date:
    if not FIRST <= day <= LAST:
        raise ValueError(f"日期应在 {FIRST} 至 {LAST} 之间")
    return day


CountableDay = Annotated[Day, AfterValidator(_countable)]


class LedgerDayBody(Output):
    """One civil day: counted or not, why, and which article says so."""

    on: date
    counted: bool
    reason: str
    label: str
    citation: str


class ClockBody(Output):
    """What the clock says at the end of `as_of`."""

    state: str
    received_on: date | None
    regulation: RegulationName | None
    as_of: date
    due_on: date | None
    provisional: bool = Field(description="暂定：所依据年度的放假通知尚未发布")
    allowed: int | None = Field(description="期限（工作日），含延长")
    extended: int = Field(description="其中延长的工作日")
    basis: str | None = Field(description="期限和延长所依据的条文")
    counted: int
    left: int | None
    calendar_version: str
    unconfirmed: bool = Field(description="所引依据中有待法制机构确认的")
    ledger: list[LedgerDayBody]


class HypotheticalEvent(Input):
    """An event that might happen. Fields beyond `type` and `on` where the type has them."""

    type: Literal[
        "correction_notice",
        "corrected",
        "fee_notice",
        "fee_paid",
        "consultation_started",
        "consultation_ended",
        "extended",
        "replied",
        "withdrawn",
    ]
    on: CountableDay = Field(examples=["2026-12-01"])
    id: Line | None = Field(default=None, description="征求意见的编号")
    kind: ConsultationKind | None = None
    delivered_on: CountableDay | None = None
    working_days: Whole | None = Field(default=None, ge=1, le=40)

    @model_validator(mode="after")
    def has_what_its_type_needs(self) -> Self:
        needed = {"consultation_started": ("id", "kind"), "consultation_ended": ("id",), "extended": ("working_days",)}
        for name in needed.get(self.type, ()):
            if getattr(self, name) is None:
                raise ValueError(f"{self.type} 须有 {name}")
        return self

    def event(self) -> ClockEvent:
        """Return it as the clock reads it."""
        match self.type:
            case "consultation_started":
                assert self.id is not None and self.kind is not None
                return happened.ConsultationStarted(self.on, self.id, self.kind, self.delivered_on)
            case "consultation_ended":
                assert self.id is not None
                return happened.ConsultationEnded(self.on, self.id)
            case "extended":
                assert self.working_days is not None
                return happened.Extended(self.on, self.working_days)
            case _:
                return _PLAIN[self.type](self.on)


_PLAIN: dict[str, Callable[[date], ClockEvent]] = {
    "correction_notice": happened.CorrectionNotice,
    "corrected": happened.Corrected,
    "fee_notice": happened.FeeNotice,
    "fee_paid": happened.FeePaid,
    "replied": happened.Replied,
    "withdrawn": happened.Withdrawn,
}


class WhatIfInput(Input):
    """Hypothetical events, read together with what has truly happened, in order of day."""

    events: list[HypotheticalEvent] = Field(min_length=1, max_length=20)
    as_of: CountableDay | None = Field(default=None, description="在哪一天结束时；不填为今天与最后一个事件中较晚的一天")
    regulation: RegulationName | None = None


class WhatIfBody(Output):
    """The case as it is, and as it would be."""

    actual: ClockBody
    hypothetical: ClockBody


def clock_body(reading: ClockReading, received_on: date, calendar_version: str) -> ClockBody:
    """Show the clock's answer."""
    ledger = [
        LedgerDayBody(
            on=day.on, counted=day.counted, reason=day.reason, label=REASONS[day.reason], citation=day.citation
        )
        for day in reading.ledger()
    ]
    return ClockBody(
        state=reading.state,
        received_on=received_on,
        regulation=reading.regulation,
        as_of=reading.as_of,
        due_on=reading.due_on,
        provisional=reading.provisional,
        allowed=reading.allowed,
        extended=reading.extended,
        basis=reading.basis,
        counted=reading.counted,
        left=reading.left,
        calendar_version=calendar_version,
        unconfirmed=reading.unconfirmed,
        ledger=ledger,
    )


def not_running(state: str, as_of: date, calendar_version: str) -> ClockBody:
    """Show a case whose receipt day is not known yet: no period runs."""
    return ClockBody(
        state=state,
        received_on=None,
        regulation=None,
        as_of=as_of,
        due_on=None,
        provisional=False,
        allowed=None,
        extended=0,
        basis=None,
        counted=0,
        left=None,
        calendar_version=calendar_version,
        unconfirmed=False,
        ledger=[],
    )
