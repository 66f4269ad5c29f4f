"""New due days for open cases when the calendar changes, without reading their events again.

What a calendar cannot change (day zero, days allowed, who was asked when) is kept with the case as its `Standing`; the
rest are look-ups. Events stay facts: nothing is judged again. Cases due before the change
are not touched at all (`affected_from`).
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from services.requests.clock.fold import Case, Consultation, Terms, due_day, exclusions
from shared.calendar import Calendar


class Asked(NamedTuple):
    """A consultation as a standing keeps it; days as positions."""

    kind: str
    start: int
    delivered: int
    end: int | None


class Standing(NamedTuple):
    """What re-dating needs to know of a case whose clock runs."""

    zero: int
    allowed: int
    asked: tuple[Asked, ...] = ()


def standing(case: Case) -> Standing | None:
    """The standing of a case, None while it waits for a correction or fee and has no due day."""
    if case.waiting:
        return None
    asked = (Asked(each.kind, each.start, each.delivered, each.end) for each in case.consultations.values())
    return Standing(case.zero, case.allowed, tuple(asked))


def due_days(standings: Iterable[Standing], terms: Terms, as_of: int) -> list[int]:
    """The due day of each standing under one Regulation on one calendar, as it stands at the end of `as_of`."""
    rank, nth = terms.rank, terms.nth
    return [
        _consulted(zero, allowed, asked, terms, as_of) if asked else nth[rank[zero] + allowed]
        for zero, allowed, asked in standings
    ]


def _consulted(zero: int, allowed: int, asked: tuple[Asked, ...], terms: Terms, as_of: int) -> int:
    consultations = (Consultation(terms, *each) for each in asked)
    return due_day(terms, zero, allowed, exclusions(zero, consultations, as_of))


def affected_from(before: Calendar, after: Calendar) -> date | None:
    """The earliest due day that a change of calendar can move or make final; None if it can do neither.

    A case due before it keeps date and certainty: it need not even be read.
    """
    pairs = enumerate(zip(before.rank, after.rank, strict=True))
    moved = next((before.day(position) for position, (old, new) in pairs if old != new), None)
    if before.final_through == after.final_through:
        return moved
    certain = min(before.final_through, after.final_through) + timedelta(days=1)
    return certain if moved is None else min(moved, certain)
