"""办理轨迹: what happened on which day, and the audit trail of who did what."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from services.requests.applications.models import CaseEntry
from services.requests.applications.rules import EntryType
from shared.http.bodies import Output
from shared.http.timeline import TimelineEntry, timeline_entries


class HistoryEntry(Output):
    """One entry of the history, on its civil day."""

    on: date
    type: EntryType
    label: str
    data: dict[str, Any]
    recorded_at: datetime
    recorder_name: str


class Timeline(Output):
    history: list[HistoryEntry]
    audit: list[TimelineEntry]


def history(entries: Sequence[CaseEntry]) -> list[HistoryEntry]:
    """Show the history without its sealed notes."""
    return [
        HistoryEntry(
            on=entry.on,
            type=EntryType(entry.type),
            label=EntryType(entry.type).label,
            data=json.loads(entry.data),
            recorded_at=entry.recorded_at,
            recorder_name=entry.recorder_name,
        )
        for entry in entries
    ]


def timeline(entries: Sequence[CaseEntry], audited: Sequence[Row[Any]]) -> Timeline:
    """Show both side by side."""
    return Timeline(history=history(entries), audit=timeline_entries(audited))
