"""The working-day calendar: immutable, and every question answered from two arrays.

`rank[i]` is the number of working days up to and including day i, `nth[k]` the day of the k-th working day. They are
each other's inverse, so adding n working days is two look-ups and counting between two days is one subtraction.
A day is a working day if it is (Monday–Friday and not off) or a make-up day (国务院关于职工工作时间的规定第七条,
放假办法第二、六、七条). Years without a notice hold the statutory days only, and their dates are provisional.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from itertools import accumulate, compress, repeat

from shared.calendar.basis import Basis, bases
from shared.calendar.civil import add_months
from shared.calendar.notice import Holiday, Notice
from shared.calendar.statutory import law_of, lunar_years, statutory_days
from shared.errors import Category, DomainError

FIRST_DAY = date(2007, 12, 29)
"""The first day any packaged notice speaks of."""
LAST_DAY = date(lunar_years()[-1], 12, 31)
BASE = FIRST_DAY.toordinal()
_LENGTH = LAST_DAY.toordinal() - BASE + 1
_WEEKDAY = FIRST_DAY.weekday()


class DayKind(StrEnum):
    """Why a day works or does not."""

    WORKING_DAY = "working_day"
    MAKE_UP_DAY = "make_up_day"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"


class OutsideCalendar(DomainError):
    """The date lies before the first or after the last year the calendar can speak of."""

    code = "outside_calendar"
    title = "日期超出日历范围"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True, slots=True, eq=False)
class Calendar:
    """One version of the calendar. Make others with `with_year` and `with_local_holidays`, never by editing."""

    notices: tuple[Notice, ...]
    local: tuple[Holiday, ...]
    version: str
    last_published_year: int
    rank: tuple[int, ...]
    nth: tuple[int, ...]
    kinds: tuple[DayKind, ...]
    named: dict[int, Holiday]
    bases: dict[int, Basis]

    @classmethod
    def build(cls, notices: Iterable[Notice], local: Iterable[Holiday] = ()) -> "Calendar":
        """The calendar of these notices; of two for one year the later in order holds."""
        by_year = {notice.year: notice for notice in notices}
        ordered = tuple(by_year[year] for year in sorted(by_year))
        for year in by_year:
            if not FIRST_DAY.year < year <= LAST_DAY.year:
                raise OutsideCalendar(f"{year} 年不在 {FIRST_DAY.year + 1} 至 {LAST_DAY.year} 年之间")
        overlay = tuple(local)
        named, make_up, festivals = _marks(ordered, overlay)
        kinds = tuple(_kinds(named, make_up))
        works = [kind in (DayKind.WORKING_DAY, DayKind.MAKE_UP_DAY) for kind in kinds]
        return cls(
            notices=ordered,
            local=overlay,
            version=_version(ordered, overlay),
            last_published_year=ordered[-1].year,
            rank=tuple(accumulate(works)),
            # The 0th working day does not exist; the slot keeps `nth[rank[i]]` the last working day up to i.
            nth=(-1, *compress(range(_LENGTH), works)),
            kinds=kinds,
            named=named,
            bases=bases(
                works,
                {at for at in named if kinds[at] is DayKind.HOLIDAY},
                _statutory(),
                festivals,
                {at: paper.notice for at, paper in named.items()},
            ),
        )

    def with_year(self, *notices: Notice) -> "Calendar":
        """This calendar with years added or replaced by notices."""
        return Calendar.build((*self.notices, *notices), self.local)

    def with_local_holidays(self, holidays: Iterable[Holiday]) -> "Calendar":
        """This calendar with the days an agency's place sets itself (放假办法第四条)."""
        return Calendar.build(self.notices, (*self.local, *holidays))

    def index(self, day: date) -> int:
        """The position of a day in the arrays."""
        position = day.toordinal() - BASE
        if 0 <= position < _LENGTH:
            return position
        raise OutsideCalendar(f"{day} 不在 {FIRST_DAY} 至 {LAST_DAY} 之间")

    def day(self, position: int) -> date:
        """The day at a position of the arrays."""
        return date.fromordinal(BASE + position)

    def kind(self, day: date) -> DayKind:
        """Working day, make-up day, weekend (Saturday or Sunday off) or holiday (Monday–Friday off)."""
        return self.kinds[self.index(day)]

    def is_working(self, day: date) -> bool:
        """Whether offices work on this day."""
        return self.kind(day) in (DayKind.WORKING_DAY, DayKind.MAKE_UP_DAY)

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day strictly after `day` (开始的当日不计入, 民法典第二百零一条第一款)."""
        if count < 1:
            raise ValueError("a period has at least one working day")
        return self._at(self.rank[self.index(day)] + count)

    def nth_before(self, day: date, count: int) -> date:
        """The `count`-th working day strictly before `day`."""
        if count < 1:
            raise ValueError("a period has at least one working day")
        position = self.index(day)
        return self._at(self.rank[position] - self.is_working(day) - count + 1)

    def working_days_between(self, after: date, through: date) -> int:
        """How many working days lie in (after, through]; negative when turned round."""
        return self.rank[self.index(through)] - self.rank[self.index(after)]

    def add_working_days_bulk(self, days: Sequence[date], counts: Sequence[int] | int) -> list[date]:
        """`add_working_days` for many pairs at once, without a call per pair."""
        base, rank, nth, from_ordinal = BASE, self.rank, self.nth, date.fromordinal
        each = repeat(counts, len(days)) if isinstance(counts, int) else counts
        if days and (min(days) < FIRST_DAY or max(days) > LAST_DAY):
            raise OutsideCalendar("有日期不在日历范围之内")
        if (counts if isinstance(counts, int) else min(counts, default=1)) < 1:
            raise ValueError("a period has at least one working day")
        try:
            return [
                from_ordinal(base + nth[rank[day.toordinal() - base] + count])
                for day, count in zip(days, each, strict=True)
            ]
        except IndexError as error:
            raise OutsideCalendar("有期限超出日历范围") from error

    def next_working_day(self, day: date) -> date:
        """This day if it works, else the first one after it that does."""
        return day if self.is_working(day) else self.add_working_days(day, 1)

    def add_calendar_days(self, day: date, count: int) -> date:
        """A period in days: the start is not counted, and it ends after a day off (民法典第二百零一、二百零三条)."""
        return self.roll(day + timedelta(days=count))

    def add_months(self, day: date, months: int) -> date:
        """A period in months: corresponding day or month's end, then after a day off (第二百零二、二百零三条)."""
        return self.roll(add_months(day, months))

    def roll(self, last: date) -> date:
        """民法典第二百零三条: a last day that is a day off gives way to the day after it ends."""
        return self.next_working_day(last)

    @property
    def final_through(self) -> date:
        """The last day that is certain: 28 December of the last year with a notice."""
        return date(self.last_published_year, 12, 28)

    def is_provisional(self, day: date) -> bool:
        """暂定: the day lies where the notice that decides it has not been issued."""
        return day > self.final_through

    def citation(self, day: date) -> str:
        """The law in force on this day, and the notice, that make it work or not."""
        position = self.index(day)
        kind, paper = self.kinds[position], self.named.get(position)
        law = law_of(self.bases.get(position, kind).value, day)
        if kind in (DayKind.WORKING_DAY, DayKind.WEEKEND) or paper is None:
            return law
        # A paper issued after the day was not in force on it: then only the law is cited.
        if paper.issued is not None and paper.issued > day:
            return law
        return f"{law}；{paper.notice}" if paper.notice else law

    def holiday_name(self, day: date) -> str | None:
        """What the day off or make-up day is called, if a notice or the law names it."""
        paper = self.named.get(self.index(day))
        return paper.name if paper else None

    def _at(self, ordinal: int) -> date:
        if 1 <= ordinal < len(self.nth):
            return self.day(self.nth[ordinal])
        raise OutsideCalendar("期限超出日历范围")


@cache
def _statutory() -> frozenset[int]:
    """The positions of the statutory days of every year."""
    return frozenset(day.toordinal() - BASE for year in lunar_years() for day in statutory_days(year))


def _marks(
    notices: tuple[Notice, ...], local: tuple[Holiday, ...]
) -> tuple[dict[int, Holiday], set[int], frozenset[int]]:
    """Position → the paper that names the day, the weekend days that work, and the days off that are local only."""
    named: dict[int, Holiday] = {}
    make_up: set[int] = set()
    published = {notice.year for notice in notices}
    for year in lunar_years():
        if year not in published:
            for day, name in statutory_days(year).items():
                named[day.toordinal() - BASE] = Holiday(name, day, day)
    for notice in notices:
        for holiday in notice.holidays:
            for day in holiday.days():
                named[day.toordinal() - BASE] = holiday
        for day, paper in notice.make_up_days.items():
            named[day.toordinal() - BASE] = paper
            make_up.add(day.toordinal() - BASE)
    national = named.keys() - make_up
    festivals = {day.toordinal() - BASE: holiday for holiday in local for day in holiday.days()}
    added = {position: holiday for position, holiday in festivals.items() if position not in national}
    return named | added, make_up - added.keys(), frozenset(added)


def _kinds(named: dict[int, Holiday], make_up: set[int]) -> Iterable[DayKind]:
    week = [DayKind.WORKING_DAY] * 5 + [DayKind.WEEKEND] * 2
    kinds = [week[(_WEEKDAY + position) % 7] for position in range(_LENGTH)]
    for position in named:
        if position in make_up:
            kinds[position] = DayKind.MAKE_UP_DAY
        elif kinds[position] is DayKind.WORKING_DAY:
            kinds[position] = DayKind.HOLIDAY
    return kinds


def _version(notices: tuple[Notice, ...], local: tuple[Holiday, ...]) -> str:
    """A short digest of everything that decides a date: equal calendars have equal versions."""
    text = repr([(n.year, n.holidays, sorted(n.make_up_days), n.number) for n in notices] + [local])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
