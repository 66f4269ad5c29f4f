"""How a clock is shown: its due time, what is left of it, and the rule that set it."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.sentiment.clocks.models import StepClock
from services.sentiment.clocks.rules import Step, is_overdue
from shared.http.bodies import Output

ClockStatus = Literal["running", "overdue", "done", "done_late", "withdrawn"]


class ClockBody(Output):
    """One step's clock. `hours_left` is negative once the time has run out, null once the step is done."""

    step: Step
    label: str = Field(examples=["发布权威信息"])
    status: ClockStatus
    started_at: datetime
    due_at: datetime
    hours: int = Field(examples=[5])
    hours_left: float | None = Field(examples=[2.25])
    rule_id: str = Field(examples=["yq.release"])
    citation: str = Field(examples=["国办发〔2016〕80号"])
    grade: str = Field(description="依据的可靠程度（A/B/C）", examples=["B"])
    unconfirmed: bool = Field(description="依据待法制机构确认")
    done_at: datetime | None
    in_time: bool | None
    reminded_at: datetime | None
    escalated_at: datetime | None


def clock_body(row: StepClock, now: datetime, *, stopped: bool) -> ClockBody:
    """Show a clock at `now`; those of a closed incident (`stopped`) have nothing left to run."""
    running = row.done_at is None and row.withdrawn_at is None and not stopped
    return ClockBody(
        step=row.step_value,
        label=row.step_value.label,
        status=_status(row, now),
        started_at=row.started_at,
        due_at=row.due_at,
        hours=row.hours,
        hours_left=round((row.due_at - now).total_seconds() / 3600, 2) if running else None,
        rule_id=row.rule_id,
        citation=f"{row.citation}（待确认）" if row.unconfirmed else row.citation,
        grade=row.grade,
        unconfirmed=row.unconfirmed,
        done_at=row.done_at,
        in_time=row.in_time,
        reminded_at=row.reminded_at,
        escalated_at=row.escalated_at,
    )


def _status(row: StepClock, now: datetime) -> ClockStatus:
    if row.withdrawn_at is not None:
        return "withdrawn"
    if row.done_at is not None:
        return "done" if row.in_time else "done_late"
    return "overdue" if is_overdue(row.state, now) else "running"
