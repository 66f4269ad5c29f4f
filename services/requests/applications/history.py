"""A case's history as facts, and where the case stands because of it: the only place that asks the clock.

Facts are kept in the order in which they were recorded and read in order of day, so that a clerk who records a letter
late still gets the right dates; the clock judges the whole history, and refuses what the law does not allow.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

from services.requests.applications.rules import CLOSED_STATES, EntryType, Standing
from services.requests.clock import events as happened
from services.requests.clock.events import ClockEvent, ConsultationKind, History, RegulationName
from services.requests.clock.regulation import Regulation, clock_rules
from services.requests.clock.rules import ClockReading, clock
from shared.calendar import Calendar
from shared.events.requests import ApplicationState
from shared.statutes import RuleSet

CLOCKED = frozenset(
    {
        EntryType.CORRECTION_NOTICE,
        EntryType.CORRECTED,
        EntryType.CONSULTATION_STARTED,
        EntryType.CONSULTATION_DELIVERED,
        EntryType.CONSULTATION_ENDED,
        EntryType.EXTENDED,
        EntryType.REPLIED,
        EntryType.WITHDRAWN,
        EntryType.ABANDONED,
    }
)
"""What a standing depends on; the rest of a history is for people."""


@dataclass(frozen=True)
class Fact:
    """One entry of the history, as far as rules look at it."""

    sequence: int
    type: EntryType
    on: date
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Position:
    """What the clock needs of a case besides its facts."""

    received_on: date | None
    regulation_override: str | None = None

    @property
    def override(self) -> RegulationName | None:
        return None if self.regulation_override is None else RegulationName(self.regulation_override)


def ordered(facts: Iterable[Fact]) -> list[Fact]:
    """Return facts in order of day, within a day as recorded."""
    return sorted(facts, key=lambda fact: (fact.on, fact.sequence))


def clock_history(position: Position, received_on: date, facts: Sequence[Fact]) -> History:
    """Return the history that the clock reads."""
    deliveries = {
        str(fact.data["consultation"]): fact.on for fact in facts if fact.type is EntryType.CONSULTATION_DELIVERED
    }
    events = (_event(fact, deliveries) for fact in ordered(facts))
    return History(received_on, tuple(event for event in events if event is not None), position.override)


def _event(fact: Fact, deliveries: Mapping[str, date]) -> ClockEvent | None:
    match fact.type:
        case EntryType.CORRECTION_NOTICE:
            return happened.CorrectionNotice(fact.on)
        case EntryType.CORRECTED:
            return happened.Corrected(fact.on)
        case EntryType.CONSULTATION_STARTED:
            id = str(fact.data["consultation"])
            kind = ConsultationKind(fact.data["kind"])
            return happened.ConsultationStarted(fact.on, id, kind, deliveries.get(id))
        case EntryType.CONSULTATION_ENDED:
            return happened.ConsultationEnded(fact.on, str(fact.data["consultation"]))
        case EntryType.EXTENDED:
            return happened.Extended(fact.on, int(fact.data["working_days"]))
        case EntryType.REPLIED:
            return happened.Replied(fact.on)
        case EntryType.WITHDRAWN:
            return happened.Withdrawn(fact.on)
        case _:
            return None


def reading(
    position: Position, facts: Sequence[Fact], *, calendar: Calendar, rules: RuleSet, as_of: date
) -> ClockReading | None:
    """Return the clock's whole answer with its ledger, or None while no receipt day is known.

    视为放弃 is no event of the clock, which would go on waiting for the correction: the case knows better.
    """
    if position.received_on is None:
        return None
    history = clock_history(position, position.received_on, facts)
    said = clock(history, calendar, rules, _not_before_last(history, as_of), judged=())
    abandoned = any(fact.type is EntryType.ABANDONED for fact in facts)
    return replace(said, state=ApplicationState.ABANDONED.value) if abandoned else said


def standing(
    position: Position,
    facts: Sequence[Fact],
    *,
    calendar: Calendar,
    rules: RuleSet,
    today: date,
    new: Fact | None = None,
) -> Standing:
    """Return where the case stands at the end of `today`. Raises IllegalEvent when the history is not lawful.

    Only the `new` fact can be late: the others were judged when they were recorded, by the calendar known then, and a
    later notice does not make them unlawful.
    """
    ended = {fact.type for fact in facts} & {EntryType.ABANDONED, EntryType.WITHDRAWN}
    if EntryType.ABANDONED in ended:
        return Standing(ApplicationState.ABANDONED)
    if position.received_on is None:
        withdrawn = EntryType.WITHDRAWN in ended
        return Standing(ApplicationState.WITHDRAWN if withdrawn else ApplicationState.AWAITING_CONFIRMATION)
    if not any(fact.type in CLOCKED for fact in facts):
        return _fresh(position.received_on, position.override, calendar, rules, today)
    history = clock_history(position, position.received_on, facts)
    events = [fact for fact in ordered(facts) if _event(fact, {}) is not None]
    return _standing(history, calendar, rules, today, [place for place, fact in enumerate(events) if fact is new])


@lru_cache(maxsize=1024)
def _fresh(
    received_on: date, override: RegulationName | None, calendar: Calendar, rules: RuleSet, today: date
) -> Standing:
    """Where a case stands of which the clock knows the receipt alone: all that came in on one day stand alike."""
    return _standing(History(received_on, (), override), calendar, rules, today, ())


def _standing(history: History, calendar: Calendar, rules: RuleSet, today: date, judged: Collection[int]) -> Standing:
    answer = clock(history, calendar, rules, _not_before_last(history, today), judged=judged)
    until, moves_daily = _pause(history, answer.state, calendar, rules)
    state = ApplicationState(answer.state)
    return Standing(
        state=state,
        due_on=answer.due_on,
        provisional=answer.provisional,
        counted=answer.counted,
        left=None if state in CLOSED_STATES else answer.left,
        regulation=str(answer.regulation),
        paused_until=until,
        moves_daily=moves_daily,
        unconfirmed=answer.unconfirmed,
    )


class Standings:
    """Where many cases stand on one calendar and day. Cases whose histories are alike are read once."""

    def __init__(self, calendar: Calendar, rules: RuleSet, today: date) -> None:
        self._calendar = calendar
        self._rules = rules
        self._today = today
        self._known: dict[Hashable, Standing] = {}

    def of(self, position: Position, facts: Sequence[Fact]) -> Standing:
        """Return the same as `standing`, of facts in the order in which they were recorded."""
        alike = position.received_on, position.regulation_override, _shape(facts)
        found = self._known.get(alike)
        if found is None:
            found = standing(position, facts, calendar=self._calendar, rules=self._rules, today=self._today)
            self._known[alike] = found
        return found


def _shape(facts: Sequence[Fact]) -> tuple[Hashable, ...]:
    """Return what a standing depends on: all of the facts that count, but which consultation is which by number."""
    shape = list[Hashable]()
    numbers: dict[Any, int] = {}
    for fact in facts:
        if fact.type in CLOCKED:
            read, id = fact.data.get, fact.data.get("consultation")
            number = None if id is None else numbers.setdefault(id, len(numbers))
            shape.append((fact.type, fact.on, number, read("kind"), read("working_days")))
    return tuple(shape)


def applying(position: Position, received_on: date, rules: RuleSet) -> Regulation:
    """Return the Regulation that governs the case."""
    return clock_rules(rules).applying(received_on, position.override)


def term_end(
    kind: ConsultationKind, sent_on: date, delivered_on: date | None, regulation: Regulation, calendar: Calendar
) -> date | None:
    """Return the last day of a consultation's term (Arts. 32, 34), or None where the law sets none."""
    days = regulation.terms.get(kind)
    return None if days is None else calendar.add_working_days(delivered_on or sent_on, days)


def _not_before_last(history: History, day: date) -> date:
    """A history may hold no day after `day`, but a moved `clock_offset` (tests) may: answer for its last day then."""
    return max(day, history.events[-1].on, history.received_on) if history.events else max(day, history.received_on)


def _pause(history: History, state: str, calendar: Calendar, rules: RuleSet) -> tuple[date | None, bool]:
    """Return (last day of the pause if a term ends it, whether an open-ended pause moves the due day daily)."""
    if state != ApplicationState.PAUSED:
        return None, False
    regulation = clock_rules(rules).applying(history.received_on, history.regulation)
    ended = {event.id for event in history.events if isinstance(event, happened.ConsultationEnded)}
    until: list[date] = []
    for event in history.events:
        if isinstance(event, happened.ConsultationStarted) and event.id not in ended:
            if event.kind not in regulation.excluding:
                continue
            end = term_end(event.kind, event.on, event.delivered_on, regulation, calendar)
            if end is None:
                return None, True
            until.append(end)
    return max(until), False
