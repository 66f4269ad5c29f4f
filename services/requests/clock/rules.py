"""clock(history, calendar, rules, as_of) -> due day, state and ledger of one request. Pure.

The answer depends on the arguments alone: the same history on the same calendar says the same for ever, and a changed
calendar or a hypothetical event is just another argument.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from services.requests.clock.errors import IllegalEvent
from services.requests.clock.events import (
    ClockEvent,
    ConsultationEnded,
    ConsultationKind,
    ConsultationStarted,
    Corrected,
    CorrectionNotice,
    Extended,
    FeeNotice,
    FeePaid,
    History,
    RegulationName,
    Replied,
    Withdrawn,
)
from services.requests.clock.fold import Case, Step, Terms, answer
from services.requests.clock.ledger import LedgerDay, Reasons, Run, runs
from services.requests.clock.regulation import ClockRules, Regulation, clock_rules
from shared.calendar import Calendar
from shared.statutes import UNCONFIRMED, RuleSet

__all__ = [
    "ClockEvent",
    "ClockReading",
    "ClockRules",
    "ConsultationEnded",
    "ConsultationKind",
    "ConsultationStarted",
    "Corrected",
    "CorrectionNotice",
    "Extended",
    "FeeNotice",
    "FeePaid",
    "History",
    "IllegalEvent",
    "LedgerDay",
    "RegulationName",
    "Replied",
    "Withdrawn",
    "clock",
    "clock_rules",
]


@dataclass(frozen=True, slots=True)
class ClockReading:
    """What the clock says at the end of `as_of`.

    `due_on` is None while a correction or fee is awaited; `provisional` (暂定) says that the due day rests on a year
    without a notice. `counted` + `left` = `allowed` while the due day has not passed.
    `allowed` holds what was `extended`; `basis` is the article that gives the days.
    """

    regulation: RegulationName
    state: str
    due_on: date | None
    provisional: bool
    counted: int
    left: int
    allowed: int
    as_of: date
    extended: int
    basis: str
    _runs: tuple[Run, ...] = field(repr=False, compare=False)
    _reasons: Reasons = field(repr=False, compare=False)

    @property
    def unconfirmed(self) -> bool:
        """Whether the due day rests on a rule graded C, which a legal office has still to confirm."""
        return UNCONFIRMED in self.basis or self._reasons.unconfirmed(self._runs)

    def ledger(self) -> tuple[LedgerDay, ...]:
        """Every civil day from receipt through the due day (through `as_of` while waiting), with its citation."""
        return tuple(self._reasons.days(list(self._runs)))


def clock(
    history: History,
    calendar: Calendar,
    rules: RuleSet,
    as_of: date | None = None,
    *,
    judged: Container[int] | None = None,
) -> ClockReading:
    """Read a history's clock at the end of `as_of`; without it, the day of the last event.

    Raises an `IllegalEvent` naming the first event that the law does not allow. `judged` holds the positions of the
    events whose lateness is judged (default: all). An event on record was judged by the calendar known then, and a
    later notice never makes it late: leave it out.
    """
    both = clock_rules(rules)
    regulation = both.applying(history.received_on, history.regulation)
    case = Case(_terms(regulation.name, both, calendar), calendar.index(history.received_on))
    for position, event in enumerate(history.events):
        case.judge = judged is None or position in judged
        try:
            case.take(_step(event, calendar))
        except IllegalEvent as error:
            raise type(error)(error.detail, position) from None
    said = answer(case, None if as_of is None else calendar.index(as_of))
    return ClockReading(
        regulation=regulation.name,
        state=said.state,
        due_on=None if said.due is None else calendar.day(said.due),
        provisional=said.provisional,
        counted=said.counted,
        left=said.left,
        allowed=case.terms.days if said.due is None else case.allowed,
        as_of=calendar.day(said.as_of),
        extended=0 if said.due is None else case.allowed - case.terms.days,
        basis=regulation.reply_cited,
        _runs=tuple(runs(case, said)),
        _reasons=Reasons(calendar, both, regulation),
    )


@lru_cache(maxsize=64)
def _terms(name: RegulationName, rules: ClockRules, calendar: Calendar) -> Terms:
    regulation: Regulation = rules.new if name is RegulationName.PIR_2019 else rules.old
    return Terms(regulation, calendar)


_TYPES: dict[type, str] = {
    CorrectionNotice: "correction_notice",
    Corrected: "corrected",
    FeeNotice: "fee_notice",
    FeePaid: "fee_paid",
    Replied: "replied",
    Withdrawn: "withdrawn",
}


def _step(event: ClockEvent, calendar: Calendar) -> Step:
    on = calendar.index(event.on)
    match event:
        case ConsultationStarted():
            delivered = calendar.index(event.delivered_on) if event.delivered_on else -1
            return Step("consultation_started", on, event.id, event.kind.value, delivered)
        case ConsultationEnded():
            return Step("consultation_ended", on, event.id)
        case Extended():
            return Step("extended", on, days=event.working_days)
        case _:
            return Step(_TYPES[type(event)], on)
