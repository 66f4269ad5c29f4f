"""One scope's year as its newest notice arranges it: what is replicated, and what a preview supposes.

Both read the same, so that a preview is the calendar that publishing makes.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from shared.calendar import Holiday, InvalidNotice, Notice, cite
from shared.events.catalog import CalendarPaper


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The days off and the make-up days of a year; `local_agency_id` empty means the whole country."""

    year: int
    local_agency_id: UUID | None
    number: str
    title: str
    issued: date | None
    off: tuple[date, ...]
    works: tuple[date, ...]
    earlier: tuple[CalendarPaper, ...] = ()

    @classmethod
    def of_notice(cls, notice: Notice, local_agency_id: UUID | None) -> "Arrangement":
        """A notice as it would stand once published; a local one sets days off only (放假办法第四条)."""
        if local_agency_id is not None and notice.make_up_days:
            raise InvalidNotice("地方放假通知不能规定调休上班日。")
        off = tuple(sorted(day for holiday in notice.holidays for day in holiday.days()))
        works = tuple(sorted(notice.make_up_days))
        return cls(notice.year, local_agency_id, notice.number, notice.title, notice.issued, off, works)

    @classmethod
    def of_row(cls, row: Row[Any]) -> "Arrangement":
        """A row of the replica."""
        off, works = days(row.holidays), days(row.make_up_days)
        earlier = tuple(CalendarPaper.model_validate(paper) for paper in json.loads(row.earlier_papers or "[]"))
        title = row.title or ""
        return cls(row.year, row.local_agency_id, row.notice_number, title, row.notice_date, off, works, earlier)

    def after(self, off: Iterable[Holiday], works: Iterable[Holiday]) -> "Arrangement":
        """This paper behind what stood before it: a day that stays as it was goes on resting on its own paper."""
        stood_off = {day: run for run in off for day in run.days()}
        stood_works = {run.first: run for run in works}
        kept = {day: run for day, run in stood_off.items() if day in self.off}
        kept |= {day: run for day, run in stood_works.items() if day in self.works}
        return replace(self, earlier=_by_paper(kept))

    def instead_of(self, before: "Arrangement") -> "Arrangement":
        """This paper in the place of an arrangement of the same scope.

        One that changes no day only sets right what that paper is called, and takes over the days that rest on it.
        """
        if (self.off, self.works) == (before.off, before.works):
            return replace(self, earlier=before.earlier)
        return self.after(before.holidays(), before.make_up_days())

    def notice(self) -> Notice:
        """A national year as the notice that it stands for."""
        return Notice(
            year=self.year,
            holidays=tuple(self.holidays()),
            make_up_days={paper.first: paper for paper in self.make_up_days()},
            number=self.number,
            title=self.title,
            issued=self.issued,
        )

    def holidays(self) -> list[Holiday]:
        """The days off, each by itself."""
        return self._resting("放假", self.off)

    def make_up_days(self) -> list[Holiday]:
        """The weekend days that work, each by itself."""
        return self._resting("调休上班", self.works)

    def _resting(self, name: str, chosen: Iterable[date]) -> list[Holiday]:
        """These days, each with the paper that it rests on."""
        # A notice that came before its title was told is cited by its number alone: no title is invented for it.
        own = cite(self.year, self.title, self.number) if self.title else self.number
        earlier = {day: (paper.cited, paper.issued) for paper in self.earlier for day in paper.days}
        return [Holiday(name, day, day, *earlier.get(day, (own, self.issued))) for day in chosen]


def _by_paper(kept: Mapping[date, Holiday]) -> tuple[CalendarPaper, ...]:
    """The papers of these days; a day that the law alone named has none to keep."""
    found: dict[tuple[str, date | None], list[date]] = defaultdict(list)
    for day in sorted(kept):
        if kept[day].notice:
            found[kept[day].notice, kept[day].issued].append(day)
    return tuple(CalendarPaper(cited=cited, issued=issued, days=tuple(each)) for (cited, issued), each in found.items())


def days(joined: str) -> tuple[date, ...]:
    """Days as a row keeps them."""
    return tuple(date.fromisoformat(day) for day in joined.split(",") if day)
