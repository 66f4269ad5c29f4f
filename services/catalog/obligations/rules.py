"""Rules of obligations: which dated instances a cadence yields, and when each is due.

A cadence cuts the calendar into periods; the instance of a period is due on its last day (a plan that says 每月 wants
something each month). Event-triggered and non-numeric obligations yield no dates until the agency sets an interval,
or records the event. Instances are a pure function of the obligation and the span asked for, so generating them again
adds nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shared.calendar import add_months
from shared.errors import Category, DomainError

_DAY = timedelta(days=1)


class Cadence(StrEnum):
    """How often something must be published."""

    DAYS = "days"  # 每 n 日
    WEEKLY = "weekly"  # 每周
    MONTHLY = "monthly"  # 每月
    QUARTERLY = "quarterly"  # 每季度
    HALF_YEARLY = "half_yearly"  # 每半年
    ANNUAL = "annual"  # 每年
    ONCE = "once"  # 一次性
    TRIGGERED = "triggered"  # 事项发生后
    UNSCHEDULED = "unscheduled"  # 定期、适时、实时等无数字频次


class InstanceState(StrEnum):
    """Where a dated instance stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    FULFILLED = "fulfilled"


class CadenceIncomplete(DomainError):
    code = "cadence_incomplete"
    title = "公开频次缺少必要的数字或日期"
    category = Category.UNPROCESSABLE


class ObligationKeyTaken(DomainError):
    code = "obligation_key_taken"
    title = "该机关已有同一编号的公开义务"
    category = Category.CONFLICT


class IntervalNotAllowed(DomainError):
    """The source gives a number: the agency cannot replace it by its own."""

    code = "interval_not_allowed"
    title = "来源已规定公开频次，不能另设间隔"
    category = Category.CONFLICT


class NotTriggered(DomainError):
    code = "obligation_not_triggered"
    title = "该义务不以事项发生为条件"
    category = Category.CONFLICT


class InstanceClosed(DomainError):
    code = "instance_already_fulfilled"
    title = "该期公开任务已完成"
    category = Category.CONFLICT


class EvidenceNotPublic(DomainError):
    """Only a document that is public now fulfils an obligation to publish."""

    code = "evidence_not_public"
    title = "所关联的公文未处于发布状态"
    category = Category.CONFLICT


class EvidenceTooOld(DomainError):
    code = "evidence_too_old"
    title = "所关联的公文发布于本期开始之前"
    category = Category.CONFLICT


class EventRecorded(DomainError):
    code = "event_already_recorded"
    title = "该日的触发事项已记录"
    category = Category.CONFLICT


class EventInFuture(DomainError):
    code = "event_in_future"
    title = "事项发生日期不能晚于今天"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True)
class MonthDay:
    """A day of every year; 29 February counts as the 28th in other years."""

    month: int
    day: int

    def of(self, year: int) -> date:
        first = date(year, self.month, 1)
        return min(add_months(first, 1) - _DAY, first + timedelta(days=self.day - 1))

    @staticmethod
    def parse(text: str) -> "MonthDay":
        """Read `06-30`."""
        parsed = date.fromisoformat(f"2024-{text}")
        return MonthDay(parsed.month, parsed.day)

    def __str__(self) -> str:
        return f"{self.month:02d}-{self.day:02d}"


@dataclass(frozen=True)
class Schedule:
    """A cadence with its numbers. `season` bounds a yearly window; `interval_days` is the agency's own."""

    cadence: Cadence
    starts_on: date
    every_days: int | None = None
    due_by: MonthDay | None = None
    once_on: date | None = None
    season: tuple[MonthDay, MonthDay] | None = None
    interval_days: int | None = None

    @property
    def dated(self) -> bool:
        """Whether it yields dates by itself."""
        return self.cadence not in OPEN_CADENCES or self.interval_days is not None


def check_schedule(schedule: Schedule) -> None:
    """A cadence has its number, and takes an interval only where the source names none."""
    if schedule.cadence is Cadence.DAYS and not schedule.every_days:
        raise CadenceIncomplete("每 n 日公开的义务须写明天数。")
    if schedule.cadence is Cadence.ONCE and schedule.once_on is None:
        raise CadenceIncomplete("一次性义务须写明日期。")
    if schedule.interval_days is not None and schedule.cadence not in OPEN_CADENCES:
        raise IntervalNotAllowed


OPEN_CADENCES = (Cadence.TRIGGERED, Cadence.UNSCHEDULED)
_MONTHS = {Cadence.MONTHLY: 1, Cadence.QUARTERLY: 3, Cadence.HALF_YEARLY: 6, Cadence.ANNUAL: 12}


@dataclass(frozen=True)
class Period:
    """One instance: what it covers (both days included) and by when it is due."""

    start: date
    end: date
    due_on: date


def periods(schedule: Schedule, through: date) -> Iterator[Period]:
    """Every period that begins on or before `through` and is due on or after the obligation's start, in order."""
    for period in _all(schedule, through):
        if period.due_on >= schedule.starts_on and _in_season(period, schedule.season):
            yield period


def _all(schedule: Schedule, through: date) -> Iterator[Period]:
    step = schedule.interval_days or schedule.every_days
    if schedule.cadence is Cadence.ONCE and schedule.once_on is not None:
        if schedule.starts_on <= through:
            yield Period(schedule.starts_on, schedule.once_on, schedule.once_on)
    elif schedule.cadence is Cadence.WEEKLY:
        yield from _by_days(schedule.starts_on - _DAY * schedule.starts_on.weekday(), 7, through)
    elif schedule.cadence in _MONTHS:
        yield from _by_months(schedule, _MONTHS[schedule.cadence], through)
    elif step:
        yield from _by_days(schedule.starts_on, step, through)


def _by_days(first: date, step: int, through: date) -> Iterator[Period]:
    start = first
    while start <= through:
        end = start + timedelta(days=step - 1)
        yield Period(start, end, end)
        start = end + _DAY


def _by_months(schedule: Schedule, months: int, through: date) -> Iterator[Period]:
    month = (schedule.starts_on.month - 1) // months * months + 1
    start = date(schedule.starts_on.year, month, 1)
    while start <= through:
        after = add_months(start, months)
        end = after - _DAY
        by_day = schedule.due_by.of(start.year) if schedule.due_by and months == 12 else end
        yield Period(start, end, by_day)
        start = after


def _in_season(period: Period, season: tuple[MonthDay, MonthDay] | None) -> bool:
    if season is None:
        return True
    day = (period.due_on.month, period.due_on.day)
    first, last = ((m.month, m.day) for m in season)
    return first <= day <= last if first <= last else day >= first or day <= last


def state_on(due_on: date, today: date) -> InstanceState:
    """Overdue from the day after the due day."""
    return InstanceState.OVERDUE if today > due_on else InstanceState.OPEN


def check_fulfilment(state: InstanceState, period_start: date, published_on: date | None) -> None:
    """An open instance is fulfilled by a document published in its period or later."""
    if state is InstanceState.FULFILLED:
        raise InstanceClosed
    if published_on is None:
        raise EvidenceNotPublic
    if published_on < period_start:
        raise EvidenceTooOld(f"公文发布于 {published_on}，本期自 {period_start} 起。")
