"""办理轨迹: the audit trail of one subject as people read it: who did what, and when."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlalchemy import Row

from shared.http.bodies import Output


class TimelineEntry(Output):
    """One audit entry."""

    at: datetime
    actor_kind: str = Field(examples=["staff"])
    actor_name: str
    action: str = Field(examples=["document.signed"])
    details: dict[str, Any]


class Timeline(Output):
    items: list[TimelineEntry]


def timeline_entries(rows: Sequence[Row[Any]]) -> list[TimelineEntry]:
    """Return the bodies of rows of `audit_entries`."""
    return [
        TimelineEntry(
            at=row.at,
            actor_kind=row.actor_kind,
            actor_name=row.actor_name,
            action=row.action,
            details=json.loads(row.details),
        )
        for row in rows
    ]
