"""A holiday notice (部分节假日安排的通知): which days of a year are off and which weekend days work.

A notice is checked when it is read and never edited afterwards. A later notice that changes a year is a new version
of it. 29–31 December of the year before belong to the notice (2007, 2011, 2018).
"""

import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from shared.errors import Category, DomainError

_DAY = timedelta(days=1)


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
        return _cite(self.year, self.title, self.number)


def _cite(year: int, title: str, number: str) -> str:
    name = f"《{title}》" if title else f"《国务院办公厅关于{year}年部分节假日安排的通知》"
    return f"{name}（{number}）" if number else f"{name}（文号未录入）"


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


def read_notices(path: Path) -> tuple[Notice, ...]:
    """The versions of one year file, oldest first. TOML or JSON, see shared/calendar/data/README.md."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidNotice(f"{path.name} 不是 TOML 或 JSON：{error}") from error
    return parse_notices(data)


def parse_notices(data: Mapping[str, Any]) -> tuple[Notice, ...]:
    """All versions in a year document; one without `version` is itself the only version."""
    year = data.get("year")
    if not isinstance(year, int) or isinstance(year, bool):
        raise InvalidNotice("缺少 year（整数年份）")
    rows = data.get("version", [data])
    if not isinstance(rows, list) or not rows:
        raise InvalidNotice("version 应为列表")
    versions: list[Notice] = []
    for row in rows:
        amends = versions[-1] if row.get("amends") and versions else None
        versions.append(_version(year, row, amends, versions[-1] if versions else None))
    return tuple(versions)


def _version(year: int, row: Mapping[str, Any], amends: Notice | None, before: Notice | None) -> Notice:
    title, number = str(row.get("title") or ""), str(row.get("notice") or "")
    issued = _day(row["issued"]) if row.get("issued") else None
    cited = _cite(year, title, number)
    holidays, make_up = _days_of(year, row, cited, issued)
    if amends:
        named = {day for holiday in holidays for day in holiday.days()} | set(make_up)
        cancelled = {_day(day) for day in row.get("cancelled_make_up_days", [])}
        holidays += _without(amends.holidays, named)
        kept = {day: paper for day, paper in amends.make_up_days.items() if day not in cancelled | named}
        make_up = {**kept, **make_up}
    return Notice(
        year=year,
        holidays=tuple(sorted(holidays, key=lambda holiday: holiday.first)),
        make_up_days=dict(sorted(make_up.items())),
        number=number,
        title=title,
        issued=issued,
        grade=str(row.get("grade") or "B"),
        supersedes=before,
    )


def _days_of(
    year: int, row: Mapping[str, Any], cited: str, issued: date | None
) -> tuple[list[Holiday], dict[date, Holiday]]:
    """Our own shape (`holidays`, `make_up_days`) or the common exchange shape (`days` with `isOffDay`)."""
    if "days" in row and "holidays" not in row:
        listed: Sequence[Any] = row["days"]
        off: Any = [{"name": item.get("name"), "from": item["date"]} for item in listed if item.get("isOffDay") is True]
        work: Any = [item["date"] for item in listed if item.get("isOffDay") is False]
    else:
        off, work = row.get("holidays"), row.get("make_up_days", [])
    if not isinstance(off, list) or not isinstance(work, list):
        raise InvalidNotice(f"{year} 年：holidays 与 make_up_days 应为列表")
    holidays = [_holiday(item, cited, issued) for item in off]
    make_up = {day: Holiday("调休上班", day, day, cited, issued) for day in map(_day, work)}
    return holidays, make_up


def _holiday(item: Any, cited: str, issued: date | None) -> Holiday:
    if isinstance(item, Mapping):
        if "from" not in item:
            raise InvalidNotice(f"{item.get('name') or '放假'}：缺少 from（放假的第一天）")
        first = _day(item["from"])
        return Holiday(str(item.get("name") or "放假"), first, _day(item.get("to", first)), cited, issued)
    first = _day(item)
    return Holiday("放假", first, first, cited, issued)


def _without(holidays: Iterable[Holiday], days: set[date]) -> list[Holiday]:
    """The same holidays less some days, cut where days are taken out of the middle."""
    kept: list[Holiday] = []
    for holiday in holidays:
        run: list[date] = []
        for day in [*holiday.days(), None]:
            if day is not None and day not in days:
                run.append(day)
            elif run:
                kept.append(Holiday(holiday.name, run[0], run[-1], holiday.notice, holiday.issued))
                run = []
    return kept


def _day(value: Any) -> date:
    if type(value) is date:
        return value
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise InvalidNotice(f"不是日期：{value!r}") from error
