"""New due days for open cases when the calendar changes, without reading their events again.

What a calendar cannot change (day zero, days allowed, who was asked when) is kept with the case as its `Standing`; the
rest are look-ups. Events stay facts: nothing is judged again. Which cases a new calendar can touch is the question of
services/requests/redating.
"""

from collections.abc import Iterable
from typing import NamedTuple

from services.requests.clock.fold import Case, Consultation, Terms, due_day, exclusions


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
