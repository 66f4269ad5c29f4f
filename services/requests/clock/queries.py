"""Reads of a case's clock: as it is, and as it would be."""

import json
from collections.abc import Sequence
from datetime import date

from services.requests.applications.history import clock_history
from services.requests.applications.models import CaseEntry
from services.requests.applications.personal import NOTE
from services.requests.applications.queries import View
from services.requests.applications.rules import EntryType, require_receipt
from services.requests.clock.errors import AfterClose
from services.requests.clock.events import ClockEvent, History, RegulationName
from services.requests.clock.labels import REGULATIONS, long_date
from services.requests.clock.rules import ClockReading, clock
from services.requests.clock.schemas import ClockBody, clock_body, not_running
from services.requests.desk import Desk
from shared.events.requests import ApplicationState


def actual(view: View, desk: Desk, as_of: date | None = None) -> ClockBody:
    """Return the clock of a case as of a day: today if none is given (its last day, when it is closed)."""
    reading = view.reading(desk, as_of)
    if reading is None or view.row.received_on is None:
        return not_running(view.standing.state.value, view.today, view.calendar.version)
    return clock_body(reading, view.row.received_on, view.calendar.version)


def override(entries: Sequence[CaseEntry], desk: Desk) -> str:
    """Say who chose the Regulation that applies, when and why, as it is printed for a court."""
    chosen = [entry for entry in entries if entry.type == EntryType.REGULATION_CHOSEN][-1]
    regulation = RegulationName(json.loads(chosen.data)["regulation"])
    reason = "" if chosen.note_sealed is None else desk.vault.open(chosen.note_sealed, context=NOTE)
    return f"{long_date(chosen.on)}由{chosen.recorder_name}决定适用{REGULATIONS[regulation]}，理由：{reason}"


def what_if(
    view: View, desk: Desk, events: list[ClockEvent], regulation: RegulationName | None, as_of: date | None
) -> ClockReading:
    """Read the clock with hypothetical events among the true ones; raises IllegalEvent like the true clock."""
    if view.standing.state is ApplicationState.ABANDONED:
        raise AfterClose("逾期未补正，已视为放弃")
    true = clock_history(view.position, require_receipt(view.row.received_on), view.facts)
    together = tuple(sorted((*true.events, *events), key=lambda event: event.on))
    judged = [place for place, event in enumerate(together) if any(event is imagined for imagined in events)]
    history = History(true.received_on, together, regulation or true.regulation)
    last = max([true.received_on, *(event.on for event in together)])
    return clock(history, view.calendar, desk.rules, as_of or max(last, view.today), judged=judged)
