"""When reminders go out, and which one is sent when several are due at once.

`n` working days before the due day, at the start of that day; on a provisional due day two working days earlier,
because a 调休 weekend inside the window would make the true day earlier (statutes §11). 逾期 is told at the first
moment after the due day, and never of a provisional one.

The days are a setting, and a kind names its own: a timer set under an earlier setting is of one of `KINDS` too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from services.requests.applications.rules import Standing
from shared.calendar import Calendar, end_of_day, start_of_day

OVERDUE = "overdue"
PREFIX = "reminder_"
PROVISIONAL_MARGIN = 2
LONGEST_BEFORE = 60
"""The statutory period and its longest extension are 40 working days together (条例第三十三条)."""


@dataclass(frozen=True)
class Moment:
    """A timer of a case: its kind, and when it fires."""

    kind: str
    at: datetime


def kind_of(days: int) -> str:
    """Return the timer kind of the reminder `days` working days before."""
    return f"{PREFIX}{days}"


def days_of(kind: str) -> int:
    """Return how many working days before a reminder of this kind comes."""
    return int(kind.removeprefix(PREFIX))


KINDS = (*map(kind_of, range(1, LONGEST_BEFORE + 1)), OVERDUE)
"""Every timer kind that a due day may have, whatever the days are set to."""


def moments(standing: Standing, reminder_days: Sequence[int], calendar: Calendar) -> tuple[Moment, ...]:
    """Return the timers of a standing, the earliest first; none for a case that is closed or has no fixed due day."""
    if standing.due_on is None or standing.closed or standing.moves_daily:
        return ()
    return _planned(standing.due_on, standing.provisional, tuple(reminder_days), calendar)


@lru_cache(maxsize=1024)
def _planned(due_on: date, provisional: bool, reminder_days: tuple[int, ...], calendar: Calendar) -> tuple[Moment, ...]:
    """Many cases share a due day, so its timers are computed once."""
    margin = PROVISIONAL_MARGIN if provisional else 0
    planned = [Moment(kind_of(days), _before(due_on, days + margin, calendar)) for days in reminder_days]
    if not provisional:
        planned.append(Moment(OVERDUE, end_of_day(due_on)))
    return tuple(sorted(planned, key=lambda moment: moment.at))


def latest_due(planned: Sequence[Moment], now: datetime) -> Moment | None:
    """Return the one of several due moments that is sent; the others are superseded by it."""
    due = [moment for moment in planned if moment.at <= now]
    return due[-1] if due else None


def _before(due_on: date, days: int, calendar: Calendar) -> datetime:
    return start_of_day(calendar.nth_before(due_on, days))
