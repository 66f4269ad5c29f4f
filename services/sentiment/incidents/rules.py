"""What an incident is: its level, the three moments that are kept of it, and how it ends.

Invariant: the moments are never in the future and never out of order; due times come from the clocks, never from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.errors import Category, DomainError
from shared.events.sentiment import IncidentLevel

# 突发事件应对法 (2024) Art. 3; the fifth value is the product's own: opinion that is no emergency
LEVEL_LABELS = {
    IncidentLevel.EXTREMELY_SERIOUS: "特别重大突发事件",
    IncidentLevel.SERIOUS: "重大突发事件",
    IncidentLevel.LARGER: "较大突发事件",
    IncidentLevel.GENERAL: "一般突发事件",
    IncidentLevel.NOT_EMERGENCY: "非突发事件舆情",
}


class Moment(StrEnum):
    """The three moments that are kept of an incident; one of them starts its clocks."""

    OCCURRED_AT = "occurred_at"
    DETECTED_AT = "detected_at"
    ASSIGNED_AT = "assigned_at"

    @property
    def label(self) -> str:
        """Return the Chinese name."""
        return {"occurred_at": "发生时间", "detected_at": "发现时间", "assigned_at": "交办时间"}[self.value]


@dataclass(frozen=True)
class StartPolicy:
    """Which moment starts the clocks. No text says so; the defaults follow source plan 004 “突发事件发生后”."""

    emergency: Moment = Moment.OCCURRED_AT
    other: Moment = Moment.DETECTED_AT

    def moment(self, level: IncidentLevel) -> Moment:
        return self.other if level is IncidentLevel.NOT_EMERGENCY else self.emergency


@dataclass(frozen=True)
class Times:
    """When it happened, when it was noticed, when it was handed to the responsible body."""

    occurred_at: datetime | None
    detected_at: datetime
    assigned_at: datetime | None

    def at(self, moment: Moment) -> datetime | None:
        return {
            Moment.OCCURRED_AT: self.occurred_at,
            Moment.DETECTED_AT: self.detected_at,
            Moment.ASSIGNED_AT: self.assigned_at,
        }[moment]


class TimeInFuture(DomainError):
    """A moment was given that has not come yet."""

    code = "time_in_future"
    title = "时间不能晚于当前时间"
    category = Category.UNPROCESSABLE


class TimesOutOfOrder(DomainError):
    """Noticed before it happened, or assigned before it was noticed."""

    code = "times_out_of_order"
    title = "时间先后不符：发生、发现、交办应依次不早于前者"
    category = Category.UNPROCESSABLE


class StartUnknown(DomainError):
    """The moment that starts the clocks was not given."""

    code = "start_unknown"
    title = "缺少计时起点"
    category = Category.UNPROCESSABLE


class IncidentIsClosed(DomainError):
    """A closed incident does not change."""

    code = "incident_closed"
    title = "舆情已办结"
    category = Category.INVALID_STATE


class StepsOutstanding(DomainError):
    """An incident is not handled while a step is missing."""

    code = "steps_outstanding"
    title = "尚有步骤未完成，不能办结"
    category = Category.INVALID_STATE


class LevelUnchanged(DomainError):
    """The incident already has this level."""

    code = "level_unchanged"
    title = "等级未变化"
    category = Category.CONFLICT


def check_times(times: Times, now: datetime) -> None:
    """Refuse moments in the future and in the wrong order."""
    given = [moment for moment in (times.occurred_at, times.detected_at, times.assigned_at) if moment is not None]
    if max(given) > now:
        raise TimeInFuture("请核对发生、发现和交办时间。")
    if given != sorted(given):
        raise TimesOutOfOrder()


def start_of(level: IncidentLevel, times: Times, policy: StartPolicy) -> datetime:
    """Return the moment from which the hours count."""
    moment = policy.moment(level)
    started = times.at(moment)
    if started is None:
        raise StartUnknown(f"{LEVEL_LABELS[level]}自{moment.label}起算，请填写该时间。")
    return started


def check_reclassification(before: IncidentLevel, after: IncidentLevel) -> None:
    """A reclassification names another level."""
    if before is after:
        raise LevelUnchanged(f"当前等级已是{LEVEL_LABELS[after]}。")


class Outcome(StrEnum):
    """How an incident ends: handled in all its steps, or found to be none (不实或误报)."""

    HANDLED = "handled"
    UNFOUNDED = "unfounded"


def check_closing(outcome: Outcome, missing: Sequence[str]) -> None:
    """`handled` needs every step done; `unfounded` ends the clocks as they stand. `missing`: labels of steps."""
    if outcome is Outcome.HANDLED and missing:
        raise StepsOutstanding(f"请先完成：{'、'.join(missing)}。", missing=list(missing))
