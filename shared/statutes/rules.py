"""The rows of `statutes.toml`, checked when they are loaded and never changed afterwards.

For one id and locality the rows in force follow each other day by day: no gap, no overlap, a citation on each. A row
graded C is unconfirmed and says so wherever it is used; a local row names who entered it and why.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from shared.calendar import UNCONFIRMED
from shared.errors import Category, DomainError

Value = int | str | bool | tuple[int, ...]


class Unit(StrEnum):
    """What a value counts. `documentary` (释义) counts nothing: it says how the law is read, and no code reads it."""

    WORKING_DAY = "working_day"
    CALENDAR_DAY = "calendar_day"
    HOUR = "hour"
    MONTH = "month"
    MONTH_DAY = "month_day"
    YUAN = "yuan"
    COUNT = "count"
    CITATION = "citation"
    SETTING = "setting"
    DOCUMENTARY = "documentary"


class Grade(StrEnum):
    """How certain: read (A), read on a form that applies it, quoted (B), unconfirmed (C), a plan's, an agency's own."""

    A = "A"
    A_IN_USE = "A (in use)"
    B = "B"
    C = "C"
    PLAN = "source plan"
    LOCAL = "local"
    READING = "reading"


class InvalidRules(DomainError):
    """The rule file contradicts itself; the service does not start on it."""

    code = "invalid_rules"
    title = "规则文件有误"
    category = Category.UNPROCESSABLE


class UnknownRule(DomainError):
    """No row of this id was in force on that day."""

    code = "unknown_rule"
    title = "该日没有适用的规则"
    category = Category.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what is allowed, from when it runs, what it does, who says so, and how certain that is."""

    id: str
    value: Value
    unit: Unit
    start: str
    effect: str
    citation: str
    grade: Grade
    since: date
    until: date = date.max
    locality: str | None = None
    note: str = ""
    author: str = ""
    reason: str = ""

    @property
    def number(self) -> int:
        """The value of a row that counts something."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise InvalidRules(f"{self.id} 的值不是数字")
        return self.value

    @property
    def unconfirmed(self) -> bool:
        """Grade C: a legal office has still to confirm it (待法制机构确认)."""
        return self.grade is Grade.C

    @property
    def cited(self) -> str:
        """The citation as people read it, with its reservation."""
        return f"{self.citation}（{UNCONFIRMED}）" if self.unconfirmed else self.citation

    def in_force(self, day: date) -> bool:
        return self.since <= day <= self.until


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """All rows of a service, by id and locality in order of time."""

    rows: tuple[Rule, ...]
    _by_key: Mapping[tuple[str, str | None], tuple[Rule, ...]] = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> "RuleSet":
        """Read and check a `statutes.toml`."""
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise InvalidRules(f"{path.name}：{error}") from error
        return cls.of(map(_row, data.get("rule", [])))

    @classmethod
    def of(cls, rows: Iterable[Rule]) -> "RuleSet":
        """A checked set of rows."""
        by_key: defaultdict[tuple[str, str | None], list[Rule]] = defaultdict(list)
        for row in rows:
            by_key[row.id, row.locality].append(row)
        ordered = {key: tuple(sorted(by_key[key], key=_since)) for key in sorted(by_key, key=_place_last)}
        for group in ordered.values():
            _check(group)
        return cls(tuple(row for group in ordered.values() for row in group), ordered)

    def at(self, id: str, day: date, locality: str | None = None) -> Rule:
        """The row in force on this day: the locality's own if it has one, else the national one."""
        for place in (locality, None) if locality else (None,):
            for row in self._by_key.get((id, place), ()):
                if row.in_force(day):
                    return row
        raise UnknownRule(f"{id}：{day} 没有生效的规则", rule=id, day=day.isoformat())

    def find(self, id: str, day: date, locality: str | None = None) -> Rule | None:
        """Like `at`, but None where nothing was in force."""
        try:
            return self.at(id, day, locality)
        except UnknownRule:
            return None

    def history(self, id: str, locality: str | None = None) -> tuple[Rule, ...]:
        """All rows of an id in order of time."""
        return self._by_key.get((id, locality), ())

    def listing(self) -> list[dict[str, object]]:
        """All rows as an API or a table shows them."""
        return [listed(row) for row in self.rows]


def listed(row: Rule) -> dict[str, object]:
    """A row for an API or a table: plain values, with the citation and whether it is unconfirmed."""
    return {
        "id": row.id,
        "value": row.value,
        "unit": row.unit.value,
        "start": row.start,
        "effect": row.effect,
        "citation": row.citation,
        "grade": row.grade.value,
        "unconfirmed": row.unconfirmed,
        "from": row.since.isoformat(),
        "to": None if row.until == date.max else row.until.isoformat(),
        "locality": row.locality,
        "note": row.note,
        "author": row.author,
        "reason": row.reason,
    }


def _place_last(key: tuple[str, str | None]) -> tuple[str, str]:
    return key[0], key[1] or ""


def _since(row: Rule) -> date:
    return row.since


def _row(data: Mapping[str, Any]) -> Rule:
    id = data.get("id", "?")
    unknown = set(data) - _KEYS
    if unknown:
        raise InvalidRules(f"{id}：不认识的字段 {', '.join(sorted(unknown))}")
    try:
        value = data["value"]
        return Rule(
            id=data["id"],
            value=tuple(value) if isinstance(value, list) else value,
            unit=Unit(data["unit"]),
            start=data["start"],
            effect=data["effect"],
            citation=data["citation"],
            grade=Grade(data["grade"]),
            since=data["from"],
            until=data.get("to", date.max),
            locality=data.get("locality"),
            note=data.get("note", ""),
            author=data.get("author", ""),
            reason=data.get("reason", ""),
        )
    except KeyError as error:
        raise InvalidRules(f"{id}：缺少 {error.args[0]}") from error
    except ValueError as error:
        raise InvalidRules(f"{id}：{error}") from error


_KEYS = {"from", "to"} | {name for name in Rule.__slots__ if name not in ("since", "until")}


def _check(group: tuple[Rule, ...]) -> None:
    before: Rule | None = None
    for row in group:
        if not row.citation.strip():
            raise InvalidRules(f"{row.id}：缺少依据")
        if row.until < row.since:
            raise InvalidRules(f"{row.id}：失效日 {row.until} 早于生效日 {row.since}")
        if row.locality and not (row.author and row.reason):
            raise InvalidRules(f"{row.id}：地方规则须写明录入人和理由")
        if row.unit in _COUNTED and (isinstance(row.value, bool) or not isinstance(row.value, int) or row.value < 1):
            raise InvalidRules(f"{row.id}：{row.unit.value} 的值须为正整数")
        if before and row.since <= before.until:
            raise InvalidRules(f"{row.id}：{row.since} 的规则与前一条重叠")
        if before and row.since - before.until > timedelta(days=1):
            raise InvalidRules(f"{row.id}：{row.since} 的规则与前一条之间中断")
        before = row


_COUNTED = frozenset({Unit.WORKING_DAY, Unit.CALENDAR_DAY, Unit.HOUR, Unit.MONTH, Unit.YUAN})
