"""A year's document: the file in which notices are written down, TOML or JSON (shared/calendar/data/README.md).

Nothing in it is guessed or passed over: an unknown key is refused by its name, since a misspelt one would lose days.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from datetime import MAXYEAR, MINYEAR, date
from pathlib import Path
from typing import Any

from shared.calendar.notice import Holiday, InvalidNotice, Notice, cite

_ABOUT = {"year", "sources", "disagreements"}
_PAPER = {"notice", "title", "issued", "grade", "make_up_days", "holidays", "amends", "cancelled_make_up_days"}
_EXCHANGE = {"notice", "title", "issued", "grade", "days"}
_EXCHANGE_ABOUT = {"$schema", "$id", "papers"}
"""What the exchange shape says of itself; no date rests on it."""
_GRADES = ("A", "B", "C")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_notices(path: Path) -> tuple[Notice, ...]:
    """The versions of one year file, oldest first; raises OSError and InvalidNotice, whatever the file holds."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidNotice(f"{path.name} 不是 TOML 或 JSON：{error}") from error
    return parse_notices(data)


def parse_notices(data: Mapping[str, Any]) -> tuple[Notice, ...]:
    """All versions in a year document; one without `version` is itself the only version."""
    year = data.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or not MINYEAR < year <= MAXYEAR:
        raise InvalidNotice("缺少 year（整数年份）")
    rows = _rows(data)
    versions: list[Notice] = []
    for row in rows:
        versions.append(_version(year, row, versions[-1] if versions else None))
    return tuple(versions)


def _rows(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The papers of a document, each with nothing but the keys of a paper."""
    if "version" in data:
        _only(data, _ABOUT | {"version"}, "与 version 并列处")
        rows = data["version"]
    else:
        about = _ABOUT | _EXCHANGE_ABOUT if "days" in data else _ABOUT
        rows = [{key: value for key, value in data.items() if key not in about}]
    if not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        raise InvalidNotice("version 应为列表，每项为一份通知")
    for row in rows:
        _only(row, _EXCHANGE if "days" in row else _PAPER, "通知")
    return rows


def _only(row: Mapping[str, Any], known: Collection[str], where: str) -> None:
    if unknown := sorted(key for key in row if key not in known):
        raise InvalidNotice(f"{where}：不认识的字段 {'、'.join(unknown)}")


def _version(year: int, row: Mapping[str, Any], before: Notice | None) -> Notice:
    title, number, grade = (_text(row, key) for key in ("title", "notice", "grade"))
    if grade and grade not in _GRADES:
        raise InvalidNotice(f"grade 应为 {'、'.join(_GRADES)} 之一：{grade}")
    issued = None if row.get("issued") is None else _day(row["issued"])
    holidays, make_up = _days_of(year, row, cite(year, title, number, grade), issued)
    if amended := _amended(row, before):
        named = {day for holiday in holidays for day in holiday.days()} | set(make_up)
        cancelled = {_day(day) for day in _list(row, "cancelled_make_up_days")}
        holidays += _without(amended.holidays, named)
        kept = {day: paper for day, paper in amended.make_up_days.items() if day not in cancelled | named}
        make_up = {**kept, **make_up}
    return Notice(
        year=year,
        holidays=tuple(sorted(holidays, key=lambda holiday: holiday.first)),
        make_up_days=dict(sorted(make_up.items())),
        number=number,
        title=title,
        issued=issued,
        grade=grade or "B",
        supersedes=before,
    )


def _amended(row: Mapping[str, Any], before: Notice | None) -> Notice | None:
    """The version that a paper amends, if it does not stand on its own."""
    amends = row.get("amends") or False
    if not isinstance(amends, bool):
        raise InvalidNotice("amends 应为 true 或 false")
    if amends and before is None:
        raise InvalidNotice("amends 须在同一文件的前一份通知之后")
    if row.get("cancelled_make_up_days") and not amends:
        raise InvalidNotice("cancelled_make_up_days 须与 amends = true 同用")
    return before if amends else None


def _days_of(
    year: int, row: Mapping[str, Any], cited: str, issued: date | None
) -> tuple[list[Holiday], dict[date, Holiday]]:
    """Our own shape (`holidays`, `make_up_days`) or the common exchange shape (`days` with `isOffDay`)."""
    if "days" in row:
        listed = [_exchanged(item) for item in _list(row, "days")]
        off: list[Any] = [{"name": item.get("name"), "from": item["date"]} for item in listed if item["isOffDay"]]
        work: list[Any] = [item["date"] for item in listed if not item["isOffDay"]]
    elif row.get("holidays") is None:
        raise InvalidNotice(f"{year} 年：缺少 holidays（放假日列表）")
    else:
        off, work = _list(row, "holidays"), _list(row, "make_up_days")
    holidays = [_holiday(item, cited, issued) for item in off]
    make_up = {day: Holiday("调休上班", day, day, cited, issued) for day in map(_day, work)}
    return holidays, make_up


def _exchanged(item: Any) -> Mapping[str, Any]:
    if not isinstance(item, Mapping) or "date" not in item or not isinstance(item.get("isOffDay"), bool):
        raise InvalidNotice("days 的每项应有 date 和 isOffDay（true 或 false）")
    _only(item, {"name", "date", "isOffDay"}, "days")
    return item


def _holiday(item: Any, cited: str, issued: date | None) -> Holiday:
    if not isinstance(item, Mapping):
        first = _day(item)
        return Holiday("放假", first, first, cited, issued)
    name = _text(item, "name") or "放假"
    _only(item, {"name", "from", "to"}, name)
    if "from" not in item:
        raise InvalidNotice(f"{name}：缺少 from（放假的第一天）")
    first = _day(item["from"])
    return Holiday(name, first, first if item.get("to") is None else _day(item["to"]), cited, issued)


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


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidNotice(f"{key} 应为列表")
    return value


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidNotice(f"{key} 应为文字：{value!r}")
    return value


def _day(value: Any) -> date:
    """A day of TOML, or `YYYY-MM-DD` and no other form of it."""
    if type(value) is date:
        return value
    try:
        if not isinstance(value, str) or not _DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError as error:
        raise InvalidNotice(f"不是日期（YYYY-MM-DD）：{value!r}") from error
