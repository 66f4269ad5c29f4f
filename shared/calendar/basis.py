"""Why a Monday–Friday is off, article by article: a statutory day, a day that lengthens it, or a local festival.

A run of days off is lengthened for two causes: a statutory day that falls on a weekend is made good on a working day
(补假, 放假办法第六条), and working days are exchanged for weekend days (调休, 第七条 since 2025, before it the notice
alone). A run with nothing to make good is lengthened by exchange only, one no longer than it owes by making good only;
of the others no notice says which day is which, and both are named. A later paper's days are a run of their own, so
that an extended holiday (2020 春节) is not taken for one made good.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum


class Basis(StrEnum):
    """The kind of day off that an article speaks of."""

    STATUTORY = "statutory"
    MADE_GOOD = "made_good"
    EXCHANGED = "exchanged"
    MADE_GOOD_OR_EXCHANGED = "made_good_or_exchanged"
    LOCAL = "local"


def bases(
    works: Sequence[bool],
    off: Collection[int],
    statutory: Collection[int],
    local: Collection[int],
    papers: Mapping[int, str],
) -> dict[int, Basis]:
    """Give each position of `off` (Monday–Friday, not working) its basis; `papers` says which notice names it."""
    found: dict[int, Basis] = {}
    for position in off:
        if position in found:
            continue
        run = _run(works, papers, position)
        lengthened = [day for day in run if day in off and day not in statutory]
        owed = [day for day in run if day in statutory and day not in off]
        cause = Basis.LOCAL if position in local else _cause(len(lengthened), len(owed))
        found |= {day: Basis.STATUTORY if day in statutory else cause for day in run if day in off}
    return found


def _run(works: Sequence[bool], papers: Mapping[int, str], position: int) -> range:
    """The days off around a position that no other paper names, without a break."""

    def same(day: int) -> bool:
        return 0 <= day < len(works) and not works[day] and papers.get(day, papers[position]) == papers[position]

    first = last = position
    while same(first - 1):
        first -= 1
    while same(last + 1):
        last += 1
    return range(first, last + 1)


def _cause(lengthened: int, owed: int) -> Basis:
    if not owed:
        return Basis.EXCHANGED
    return Basis.MADE_GOOD if lengthened <= owed else Basis.MADE_GOOD_OR_EXCHANGED
