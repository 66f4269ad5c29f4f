"""What must be done within how many hours, decided from the level, the start and the rule rows in force.

Invariant: hour clocks run through nights, weekends and holidays; a step done exactly at its due time is in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.sentiment.incidents.rules import StartPolicy, Times, start_of
from shared.calendar import civil_day
from shared.errors import Category, DomainError
from shared.events.sentiment import IncidentLevel
from shared.statutes import RuleSet
from shared.statutes import due_at as due_at_of


class Step(StrEnum):
    """What the government must do in time."""

    RELEASE = "release"
    PRESS = "press"
    RESPONSE = "response"

    @property
    def label(self) -> str:
        """Return the Chinese name."""
        return _STEP_LABELS[self]


_STEP_LABELS = {Step.RELEASE: "发布权威信息", Step.PRESS: "举行新闻发布会", Step.RESPONSE: "回应"}

GRAVE = frozenset({IncidentLevel.EXTREMELY_SERIOUS, IncidentLevel.SERIOUS})

# 80号 (5 h, 24 h) and 61号 (24 h) for 特别重大、重大突发事件; 61号 (48 h) for every other 政务舆情.
_GRAVE_STEPS = ((Step.RELEASE, "yq.release"), (Step.PRESS, "yq.press"))
_OTHER_STEPS = ((Step.RESPONSE, "yq.other"),)


@dataclass(frozen=True)
class HourClock:
    """One step's clock, with the rule that set it; `unconfirmed` (grade C): a legal office has still to confirm it."""

    step: Step
    started_at: datetime
    due_at: datetime
    hours: int
    rule_id: str
    citation: str
    grade: str
    unconfirmed: bool


@dataclass(frozen=True)
class ClockState:
    """How far a clock is: what the decisions below look at."""

    due_at: datetime
    done_at: datetime | None = None
    escalated_at: datetime | None = None


class NoClockInForce(DomainError):
    """No rule was in force when the incident began."""

    code = "no_rule_in_force"
    title = "起算时尚无施行的回应时限规定"
    category = Category.UNPROCESSABLE


def clocks(level: IncidentLevel, times: Times, policy: StartPolicy, statutes: RuleSet) -> tuple[HourClock, ...]:
    """Return the clock of every step that the rules in force on the civil day of the start ask for."""
    started = start_of(level, times, policy)
    found = []
    for step, rule_id in _GRAVE_STEPS if level in GRAVE else _OTHER_STEPS:
        rule = statutes.find(rule_id, civil_day(started))
        if rule is None:
            continue  # 80号's 5 h came later than 61号's 24 h and 48 h
        due = due_at_of(rule, started)
        found.append(
            HourClock(step, started, due, rule.number, rule_id, rule.citation, rule.grade.value, rule.unconfirmed)
        )
    if not found:
        raise NoClockInForce()
    return tuple(found)


def in_time(due_at: datetime, done_at: datetime) -> bool:
    """Say whether a step done then kept its limit (“5小时内” includes the fifth hour's end)."""
    return done_at <= due_at


def is_overdue(clock: ClockState, now: datetime) -> bool:
    """Say whether the step is still missing when its hours are over."""
    return clock.done_at is None and now >= clock.due_at


def remind_at(due_at: datetime, before: timedelta, now: datetime) -> datetime | None:
    """Return when to remind (at once, if that moment has passed), or None after the due time: escalation speaks."""
    return due_at - before if now < due_at else None


def must_remind(clock: ClockState, now: datetime) -> bool:
    """Say whether a reminder that fires now still tells anything."""
    return clock.done_at is None and now < clock.due_at


def must_escalate(clock: ClockState, now: datetime) -> bool:
    """Say whether the supervisor must be told now: the limit was missed and nobody has been told of it yet."""
    missed = is_overdue(clock, now) if clock.done_at is None else not in_time(clock.due_at, clock.done_at)
    return missed and clock.escalated_at is None


def missing_steps(by_step: Mapping[Step, ClockState]) -> list[str]:
    """Return the names of the steps not done yet."""
    return [step.label for step, clock in by_step.items() if clock.done_at is None]
