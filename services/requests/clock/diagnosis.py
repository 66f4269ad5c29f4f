"""Why a line of `lantai clock explain` cannot be read: which fields are missing, of another kind or out of range.

Only reached when reading failed; it looks at everything anew and slowly. What is not of its kind is named before what
is out of range.
"""

import re
from datetime import date
from typing import Any

from services.requests.clock.events import ConsultationKind, RegulationName
from services.requests.clock.fold import EVENT_TYPES

FIRST, LAST = date(2008, 5, 1), date(2030, 12, 31)
"""The days a case may name: from the first Regulation to the end of the lunar dates checked against two sources."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Unreadable(Exception):
    """A line that is not a case."""

    def __init__(self, id: str | None, code: str, detail: str) -> None:
        super().__init__(detail)
        self.id, self.code, self.detail = id, code, detail


def diagnose(case: Any) -> Unreadable:
    """What is wrong with a decoded line that could not be read as a case."""
    if not isinstance(case, dict):
        return Unreadable(None, "bad_json", "不是 JSON 对象")
    id = case.get("id")
    id = id if isinstance(id, str) else None
    wrong: list[str] = [] if id is not None else ["id 应为字符串"]
    days: list[tuple[str, date]] = []
    _check_day(case, "received_on", "received_on", wrong, days)
    if case.get("as_of") is not None:
        _check_day(case, "as_of", "as_of", wrong, days)
    if case.get("regulation") is not None and case["regulation"] not in list(RegulationName):
        wrong.append("regulation 应为 PIR-2007、PIR-2019 或 null")
    if isinstance(case.get("events"), list):
        for place, event in enumerate(case["events"]):
            _check_event(event, f"events[{place}]", wrong, days)
    else:
        wrong.append("events 应为列表")
    if wrong:
        return Unreadable(id, "bad_field", "；".join(wrong))
    outside = [f"{name} {day}" for name, day in days if not FIRST <= day <= LAST]
    return Unreadable(id, "out_of_range", f"{'；'.join(outside)} 不在 {FIRST} 至 {LAST} 之间")


def _check_event(event: Any, name: str, wrong: list[str], days: list[tuple[str, date]]) -> None:
    if not isinstance(event, dict):
        wrong.append(f"{name} 应为对象")
        return
    type_ = event.get("type")
    if not isinstance(type_, str) or type_ not in EVENT_TYPES:
        wrong.append(f"{name}.type 不是已知的事件")
        return
    _check_day(event, "on", f"{name}.on", wrong, days)
    if type_.startswith("consultation_") and not isinstance(event.get("id"), str):
        wrong.append(f"{name}.id 应为字符串")
    if type_ == "consultation_started":
        if event.get("kind") not in list(ConsultationKind):
            wrong.append(f"{name}.kind 应为 third_party、joint_organ 或 other_organ")
        if event.get("delivered_on") is not None:
            _check_day(event, "delivered_on", f"{name}.delivered_on", wrong, days)
    if type_ == "extended" and not (type(event.get("working_days")) is int and event["working_days"] >= 1):
        wrong.append(f"{name}.working_days 应为不小于 1 的整数")


def _check_day(of: dict[str, Any], key: str, name: str, wrong: list[str], days: list[tuple[str, date]]) -> None:
    """A day is `YYYY-MM-DD` and nothing else; other ISO forms that Python would read are not days here."""
    text = of.get(key)
    try:
        if not isinstance(text, str) or not _DAY.fullmatch(text):
            raise ValueError
        days.append((name, date.fromisoformat(text)))
    except ValueError:
        wrong.append(f"{name} 应为 YYYY-MM-DD 的日期")
