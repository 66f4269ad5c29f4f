"""What an incident is: its level, the three moments that are kept of it, and how it ends.

Invariant: the moments are never in the future and never out of order; due times come from the clocks, never from here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.errors import Category, DomainError


class Level(StrEnum):
    """突发事件应对法 (2024) Art. 3; the fifth value is the product's own: opinion that is no emergency."""

    EXTREMELY_SERIOUS = "extremely_serious"
    SERIOUS = "serious"
    LARGER = "larger"
    GENERAL = "general"
    NOT_EMERGENCY = "not_emergency"

    @property
    def is_emergency(self) -> bool:
        return self is not Level.NOT_EMERGENCY

    @property
    def is_grave(self) -> bool:
        """Say whether it is 特别重大 or 重大, for which 80号 and 61号 set their shortest limits."""
        return self in (Level.EXTREMELY_SERIOUS, Level.SERIOUS)

    @property
    def label(self) -> str:
        """Return the Chinese name."""
        return _LEVEL_LABELS[self]


_LEVEL_LABELS = {
    Level.EXTREMELY_SERIOUS: "特别重大突发事件",
    Level.SERIOUS: "重大突发事件",
    Level.LARGER: "较大突发事件",
    Level.GENERAL: "一般突发事件",
    Level.NOT_EMERGENCY: "非突发事件舆情",
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

    def moment(self, level: Level) -> Moment:
        return self.emergency if level.is_emergency else self.other


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


def start_of(level: Level, times: Times, policy: StartPolicy) -> datetime:
    """Return the moment from which the hours count."""
    moment = policy.moment(level)
    started = times.at(moment)
    if started is None:
        raise StartUnknown(f"{level.label}自{moment.label}起算，请填写该时间。")
    return started


def check_reclassification(before: Level, after: Level) -> None:
    """A reclassification names another level."""
    if before is after:
        raise LevelUnchanged(f"当前等级已是{after.label}。")


class Outcome(StrEnum):
    """How an incident ends: handled in all its steps, or found to be none (不实或误报)."""

    HANDLED = "handled"
    UNFOUNDED = "unfounded"


def check_closing(outcome: Outcome, missing: Sequence[str]) -> None:
    """`handled` needs every step done; `unfounded` ends the clocks as they stand. `missing`: labels of steps."""
    if outcome is Outcome.HANDLED and missing:
        raise StepsOutstanding(f"请先完成：{'、'.join(missing)}。", missing=list(missing))
