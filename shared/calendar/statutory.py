"""The statutory days off as law and the lunar calendar fix them, and the law behind each kind of day.

Years without a notice hold these days only: no 补假 and no 调休 are guessed, and every date resting on them is
provisional. In years with one they tell the statutory days from the days that lengthen them.
"""

import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path

_NAMES = {"01": "元旦", "05": "劳动节", "10": "国庆节"}


@dataclass(frozen=True, slots=True)
class DayLaw:
    """Which regulation makes a kind of day what it is, while it is in force."""

    kinds: frozenset[str]
    since: date
    until: date
    citation: str


@cache
def _data() -> dict[str, object]:
    return tomllib.loads((Path(__file__).parent / "data" / "statutory.toml").read_text(encoding="utf-8"))


@cache
def lunar_years() -> range:
    """The years whose lunar dates are known."""
    table = _data()["lunar"]
    assert isinstance(table, dict)
    return range(min(map(int, table)), max(map(int, table)) + 1)


@cache
def statutory_days(year: int) -> dict[date, str]:
    """放假办法第二条 as in force that year.

    Since 2025: 元旦 1, 春节 4 (除夕–初三), 清明 1, 劳动节 2, 端午 1, 中秋 1, 国庆 3.
    """
    data = _data()
    lunar, texts = data["lunar"], data["days"]
    assert isinstance(lunar, dict)
    assert isinstance(texts, list)
    text = next(each for each in reversed(texts) if each["first"] <= year)
    spring, qingming, duanwu, zhongqiu = (date.fromisoformat(f"{year}-{day}") for day in lunar[str(year)])
    days = {date.fromisoformat(f"{year}-{day}"): _NAMES[day[:2]] for day in text["fixed"]}
    days |= {spring + timedelta(days=n): "春节" for n in text["spring"]}
    for day, name in ((qingming, "清明节"), (duanwu, "端午节"), (zhongqiu, "中秋节")):
        days[day] = f"{days[day]}、{name}" if day in days else name
    return days


@cache
def day_laws() -> tuple[DayLaw, ...]:
    """The `law` rows of statutory.toml."""
    rows = _data()["law"]
    assert isinstance(rows, list)
    return tuple(DayLaw(frozenset(row["kinds"]), row["from"], row.get("to", date.max), row["citation"]) for row in rows)


@cache
def law_of(kind: str, day: date) -> str:
    """The citation in force on this day for this kind of day."""
    return next(law.citation for law in day_laws() if kind in law.kinds and law.since <= day <= law.until)
