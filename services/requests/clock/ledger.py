"""The ledger: every civil day of a case, whether it counted, why, and which article says so.

A case is a handful of runs of days that share a cause. What one day reads under a cause depends only on calendar,
rules and Regulation, so each cause has one table of rows, made when first needed; a case's ledger is slices of these.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from services.requests.clock.fold import Answer, Case, Wait
from services.requests.clock.regulation import ClockRules, Regulation
from shared.calendar import Calendar, DayKind


@dataclass(frozen=True, slots=True)
class LedgerDay:
    """One civil day of a case."""

    on: date
    counted: bool
    reason: str
    citation: str


class Run(NamedTuple):
    """Days first…last (positions) under one cause: receipt, awaiting_*, restarted.*, base or a consultation kind."""

    cause: str
    first: int
    last: int


BASE = "base"


def runs(case: Case, answer: Answer) -> list[Run]:
    """The causes of all days from receipt through the due day, or through `as_of` while waiting.

    The first reason that fits wins: receipt, awaiting, restarted, then the calendar's days off, then consultations.
    """
    found = [Run("receipt", case.received, case.received)]
    day = case.received + 1
    last = answer.as_of if answer.due is None else answer.due
    waits = case.waits
    if case.waiting:
        waits = (*waits, Wait(*case.waiting, last))
    if waits:
        restarted = f"restarted.{waits[-1][0]}"
        for what, notice, until in waits:
            if notice >= day:
                found.append(Run(restarted, day, notice))
                day = notice + 1
            if until >= day:
                found.append(Run(f"awaiting_{what}", day, until))
                day = until + 1
    if answer.due is not None:
        day = _consulted(case, answer, day, found)
    if day <= last:
        found.append(Run(BASE, day, last))
    return found


def _consulted(case: Case, answer: Answer, day: int, found: list[Run]) -> int:
    """The runs under consultations, each day under the excluding one that started first; returns the next free day."""
    assert answer.due is not None
    for consultation in case.consultations.values():
        until = min(consultation.until(answer.as_of), answer.due)
        if not consultation.excludes or until < day or until <= consultation.start:
            continue
        if consultation.start >= day:
            found.append(Run(BASE, day, consultation.start))
            day = consultation.start + 1
        found.append(Run(consultation.kind, day, until))
        day = until + 1
    return day


class Reasons:
    """What each day reads under each cause, for one Regulation on one calendar."""

    def __init__(self, calendar: Calendar, rules: ClockRules, regulation: Regulation) -> None:
        self._calendar = calendar
        self._rules = rules
        self._name = regulation.name

    def row(self, cause: str, position: int) -> LedgerDay:
        """One day. Under a consultation, days off keep the calendar's reason."""
        day = self._calendar.day(position)
        kind = self._calendar.kinds[position]
        works = kind in (DayKind.WORKING_DAY, DayKind.MAKE_UP_DAY)
        if cause == BASE or (not works and cause in _CONSULTED):
            return LedgerDay(day, works, kind.value, self._calendar.citation(day))
        return LedgerDay(day, False, cause.partition(".")[0], self._rules.citation(cause, self._name, day))

    def unconfirmed(self, runs: Iterable[Run]) -> bool:
        """Whether any day of these runs rests on an article still to be confirmed, without making the days."""
        day = self._calendar.day
        return any(
            run.cause != BASE and self._rules.unconfirmed(run.cause, self._name, day(run.first), day(run.last))
            for run in runs
        )

    def days(self, runs: list[Run]) -> Iterator[LedgerDay]:
        """The ledger of a case."""
        return (self.row(run.cause, position) for run in runs for position in range(run.first, run.last + 1))


_CONSULTED = frozenset({"third_party", "joint_organ", "other_organ"})
