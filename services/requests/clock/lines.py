"""A line of the `explain` contract as the history that `clock` reads: for what needs the reading, not its JSON."""

from collections.abc import Mapping
from datetime import date
from typing import Any

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
from services.requests.clock.rules import ClockReading, clock
from shared.calendar import Calendar
from shared.statutes import RuleSet

_PLAIN: Mapping[str, type[CorrectionNotice | Corrected | FeeNotice | FeePaid | Replied | Withdrawn]] = {
    "correction_notice": CorrectionNotice,
    "corrected": Corrected,
    "fee_notice": FeeNotice,
    "fee_paid": FeePaid,
    "replied": Replied,
    "withdrawn": Withdrawn,
}


def read_case(case: Mapping[str, Any], calendar: Calendar, rules: RuleSet) -> ClockReading:
    """Read the clock of a case that `explain` answers without an error."""
    regulation = case.get("regulation")
    history = History(
        date.fromisoformat(case["received_on"]),
        tuple(map(_event, case["events"])),
        None if regulation is None else RegulationName(regulation),
    )
    as_of = case.get("as_of")
    return clock(history, calendar, rules, None if as_of is None else date.fromisoformat(as_of))


def _event(event: Mapping[str, Any]) -> ClockEvent:
    on = date.fromisoformat(event["on"])
    match event["type"]:
        case "consultation_started":
            delivered = event.get("delivered_on")
            reached = None if delivered is None else date.fromisoformat(delivered)
            return ConsultationStarted(on, event["id"], ConsultationKind(event["kind"]), reached)
        case "consultation_ended":
            return ConsultationEnded(on, event["id"])
        case "extended":
            return Extended(on, event["working_days"])
        case type_:
            return _PLAIN[type_](on)
