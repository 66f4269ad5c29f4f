"""The contract of `lantai clock explain`: one JSON case a line in, one JSON answer a line out.

What the clock decides is fold.py's; here lines become steps and answers become bytes. The ledger is cut out of
pre-serialised tables: what a day reads under a cause never changes, so a ledger is a few slices of bytes. A line that
cannot be read or is not legal gives an error for that line alone. Memory does not grow with the number of lines.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple

import orjson

from services.requests.clock.diagnosis import FIRST, LAST, Unreadable, diagnose
from services.requests.clock.errors import IllegalEvent
from services.requests.clock.events import ConsultationKind, RegulationName
from services.requests.clock.fold import EVENT_TYPES, Answer, Case, Step, Terms, answer
from services.requests.clock.ledger import Reasons, runs
from services.requests.clock.regulation import ClockRules, Regulation, clock_rules
from shared.calendar import Calendar
from shared.calendar.calendar import BASE
from shared.statutes import RuleSet

_KINDS = {str(kind): str(kind) for kind in ConsultationKind}
_DAYS = {
    date.fromordinal(ordinal).isoformat(): ordinal - BASE for ordinal in range(FIRST.toordinal(), LAST.toordinal() + 1)
}
"""Every day a case may name, as its position in the calendar. A text that is not a key is diagnosed, never guessed."""


class _Table:
    """All days under one cause as one run of JSON, with the offset of each day in it."""

    __slots__ = ("offsets", "text")

    def __init__(self, rows: Iterable[bytes]) -> None:
        self.offsets = [0]
        parts = []
        size = 0
        for row in rows:
            parts.append(row)
            size += len(row)
            self.offsets.append(size)
        self.text = b"".join(parts)


class _Side:
    """One Regulation on the calendar: its terms, and its ledger tables as they are needed."""

    __slots__ = ("_days", "_reasons", "_tables", "name", "terms")

    def __init__(self, calendar: Calendar, rules: ClockRules, regulation: Regulation) -> None:
        self.name = regulation.name.value
        self.terms = Terms(regulation, calendar)
        self._reasons = Reasons(calendar, rules, regulation)
        self._tables: dict[str, _Table] = {}
        self._days = range(len(calendar.kinds))

    def ledger(self, case: Case, said: Answer) -> bytes:
        parts = []
        for cause, first, last in runs(case, said):
            table = self._tables.get(cause) or self._make(cause)
            parts.append(table.text[table.offsets[first] : table.offsets[last + 1]])
        return b"".join(parts)[:-1]

    def _make(self, cause: str) -> _Table:
        rows = (self._reasons.row(cause, position) for position in self._days)
        self._tables[cause] = table = _Table(orjson.dumps(row) + b"," for row in rows)
        return table


class _Read(NamedTuple):
    """A line whose every field is of its kind."""

    id: str
    received: int
    regulation: str | None
    as_of: int | None
    steps: list[Step]


class Explainer:
    """Reads lines, writes answers; holds the calendar, the rules and the ledger tables."""

    def __init__(self, calendar: Calendar, rules: RuleSet, *, ledger: bool = True) -> None:
        both = clock_rules(rules)
        self._old = _Side(calendar, both, both.old)
        self._new = _Side(calendar, both, both.new)
        self._new_since = calendar.index(both.new_since)
        self._ledger = ledger

    def line(self, line: bytes) -> bytes:
        """The answer to one line, whatever it holds."""
        try:
            case = decode(line)
        except orjson.JSONDecodeError as error:
            return _error(None, "bad_json", f"不是一行 UTF-8 的 JSON：{error}")
        try:
            read = _read(case)
        except (KeyError, TypeError, ValueError, AttributeError):
            try:
                read = _read_again(line, case)
            except Unreadable as error:
                return _error(error.id, error.code, error.detail)
        return self._said(read)

    def case(self, case: Any) -> bytes:
        """The answer to a case that is decoded already, so that a supposed one need not be written down first."""
        try:
            read = _read(case)
        except (KeyError, TypeError, ValueError, AttributeError):
            wrong = diagnose(case)
            return _error(wrong.id, wrong.code, wrong.detail)
        return self._said(read)

    def _said(self, read: _Read) -> bytes:
        try:
            return self._answer(read)
        except IllegalEvent as error:
            return _error(read.id, error.code, error.detail)

    def _answer(self, read: _Read) -> bytes:
        id, received, regulation, as_of, steps = read
        if regulation is None:
            side = self._new if received >= self._new_since else self._old
        else:
            side = self._new if regulation == RegulationName.PIR_2019.value else self._old
        case = Case(side.terms, received)
        for step in steps:
            case.take(step)
        said = answer(case, as_of)
        head = orjson.dumps(
            {
                "id": id,
                "regulation": side.name,
                "state": said.state,
                "due_on": None if said.due is None else date.fromordinal(BASE + said.due),
                "provisional": said.provisional,
                "counted": said.counted,
                "left": said.left,
            }
        )
        if self._ledger:
            return b'%b,"ledger":[%b]}\n' % (head[:-1], side.ledger(case, said))
        return head + b"\n"


def _error(id: str | None, code: str, detail: str) -> bytes:
    return orjson.dumps({"id": id, "error": code, "detail": detail}) + b"\n"


def _read(case: Any) -> _Read:
    """The fields of a case, or any exception at all where one is not as it must be (then `diagnose` names it)."""
    id, events, regulation, as_of = case["id"], case["events"], case.get("regulation"), case.get("as_of")
    if type(id) is not str or type(events) is not list or not (regulation is None or regulation in _REGULATIONS):
        raise ValueError
    return _Read(
        id,
        _DAYS[case["received_on"]],
        regulation,
        None if as_of is None else _DAYS[as_of],
        [_step(event) for event in events],
    )


_REGULATIONS = frozenset(name.value for name in RegulationName)


def _step(event: Any) -> Step:
    type_ = event["type"]
    on = _DAYS[event["on"]]
    if type_ == "consultation_started":
        delivered = event.get("delivered_on")
        return Step(type_, on, _text(event["id"]), _KINDS[event["kind"]], -1 if delivered is None else _DAYS[delivered])
    if type_ == "consultation_ended":
        return Step(type_, on, _text(event["id"]))
    if type_ == "extended":
        days = event["working_days"]
        if type(days) is not int or days < 1:
            raise ValueError
        return Step(type_, on, days=days)
    if type_ not in EVENT_TYPES:
        raise ValueError
    return Step(type_, on)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise ValueError
    return value


def _read_again(line: bytes, case: Any) -> _Read:
    """Once more with integers of any size, which the fast parser turns into floats; else say what is wrong."""
    try:
        case = decode_slowly(line)
        return _read(case)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise diagnose(case) from None


def decode(line: bytes) -> Any:
    """A line as `Explainer.line` reads it: fast, and slowly where the fast parser stops; else the fast one's error."""
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            return decode_slowly(line)
        except (ValueError, RecursionError):
            pass
        raise


def decode_slowly(line: bytes) -> Any:
    """JSON with numbers of any size, where the fast parser stops or loses digits; ValueError if it is not JSON."""
    case = json.loads(line.decode(), parse_int=_integer, parse_constant=_refuse)
    for text in _echoed(case):
        text.encode()  # half a surrogate pair is JSON, but cannot be said again in UTF-8
    return case


def _echoed(case: Any) -> Iterator[str]:
    """The texts of a case, or of an event, that an answer may repeat: the ids."""
    events = case.get("events") if isinstance(case, dict) else None
    for part in (case, *(events if isinstance(events, list) else ())):
        if isinstance(part, dict) and isinstance(part.get("id"), str):
            yield part["id"]


def _integer(text: str) -> int:
    """Any integer; of one that Python would not convert, the leading digits: too many for every rule all the same."""
    return int(text[:100])


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
