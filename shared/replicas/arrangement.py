"""One scope's year as its newest notice arranges it: what is replicated, and what a preview supposes.

Both read the same, so that a preview is the calendar that publishing makes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from shared.calendar import Holiday, InvalidNotice, Notice


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The days off and the make-up days of a year; `local_agency_id` empty means the whole country."""

    year: int
    local_agency_id: UUID | None
    number: str
    issued: date | None
    off: tuple[date, ...]
    works: tuple[date, ...]

    @classmethod
    def of_notice(cls, notice: Notice, local_agency_id: UUID | None) -> "Arrangement":
        """A notice as it would stand once published; a local one sets days off only (放假办法第四条)."""
        if local_agency_id is not None and notice.make_up_days:
            raise InvalidNotice("地方放假通知不能规定调休上班日。")
        off = sorted(day for holiday in notice.holidays for day in holiday.days())
        works = tuple(sorted(notice.make_up_days))
        return cls(notice.year, local_agency_id, notice.number, notice.issued, tuple(off), works)

    @classmethod
    def of_row(cls, row: Row[Any]) -> "Arrangement":
        """A row of the replica."""
        off, works = days(row.holidays), days(row.make_up_days)
        return cls(row.year, row.local_agency_id, row.notice_number, row.notice_date, off, works)

    def notice(self) -> Notice:
        """A national year as the notice that it stands for."""
        works = (Holiday("调休上班", day, day, self._cited, self.issued) for day in self.works)
        return Notice(
            year=self.year,
            holidays=tuple(self.holidays()),
            make_up_days={paper.first: paper for paper in works},
            number=self.number,
            issued=self.issued,
        )

    def holidays(self) -> Iterable[Holiday]:
        """The days off, each by itself."""
        return (Holiday("放假", day, day, self._cited, self.issued) for day in self.off)

    @property
    def _cited(self) -> str:
        if self.local_agency_id is not None:
            return self.number
        return f"《国务院办公厅关于{self.year}年部分节假日安排的通知》（{self.number}）"


def days(joined: str) -> tuple[date, ...]:
    """Days as a row keeps them."""
    return tuple(date.fromisoformat(day) for day in joined.split(",") if day)
