"""A holiday notice (部分节假日安排的通知): which days of a year are off and which weekend days work.

A notice is checked when it is made and never edited afterwards. A later notice that changes a year is a new version
of it. 29–31 December of the year before belong to the notice (2007, 2011, 2018).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from shared.errors import Category, DomainError

_DAY = timedelta(days=1)
UNCONFIRMED = "待确认"
"""How anything graded C is marked where it is cited."""


class InvalidNotice(DomainError):
    """The notice contradicts itself or the calendar."""

    code = "invalid_calendar_notice"
    title = "放假通知有误"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True, slots=True)
class Holiday:
    """A named run of days off, weekend days inside it included; `notice` is the paper that says so."""

    name: str
    first: date
    last: date
    notice: str = ""
    issued: date | None = None

    def days(self) -> Iterable[date]:
        return (self.first + _DAY * n for n in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class Notice:
    """The arrangement of one year as it stands after one paper, with everything earlier papers said."""

    year: int
    holidays: tuple[Holiday, ...]
    make_up_days: Mapping[date, Holiday]
    number: str = ""
    title: str = ""
    issued: date | None = None
    grade: str = "B"
    supersedes: "Notice | None" = field(default=None, compare=False)

    def __post_init__(self) -> None:
        _check(self)

    @property
    def cited(self) -> str:
        """How a date that rests on this notice names it."""
        return cite(self.year, self.title, self.number, self.grade)


def cite(year: int, title: str, number: str, grade: str = "B") -> str:
    """How a paper is named where a date rests on it; one whose title nobody entered gets none invented."""
    name = f"《{title}》" if title else f"{year}年放假通知"
    cited = f"{name}（{number}）" if number else f"{name}（文号未录入）"
    return f"{cited}（{UNCONFIRMED}）" if grade == "C" else cited


def _check(notice: Notice) -> None:
    """Ranges inside the year (or 29–31 December before it), no overlap, make-up days on weekends."""
    off: set[date] = set()
    first, last = date(notice.year - 1, 12, 29), date(notice.year, 12, 31)
    for holiday in notice.holidays:
        if holiday.last < holiday.first:
            raise InvalidNotice(f"{holiday.name}：{holiday.last} 早于 {holiday.first}")
        if holiday.first < first or holiday.last > last:
            raise InvalidNotice(f"{holiday.name}：{holiday.first} 至 {holiday.last} 不在 {notice.year} 年之内")
        for day in holiday.days():
            if day in off:
                raise InvalidNotice(f"{holiday.name}：{day} 重复列为放假")
            off.add(day)
    if not off:
        raise InvalidNotice(f"{notice.year} 年的通知没有任何放假日")
    for day in notice.make_up_days:
        if day < first or day > last:
            raise InvalidNotice(f"上班日 {day} 不在 {notice.year} 年之内")
        if day.weekday() < 5:
            raise InvalidNotice(f"上班日 {day} 不是星期六或星期日")
        if day in off:
            raise InvalidNotice(f"{day} 既列为放假又列为上班")
