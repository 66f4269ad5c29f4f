"""Events of the sentiment service 政务舆情: incidents and their hour clocks."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from .base import Event, Topic

INCIDENTS = Topic("lantai.sentiment.incidents", "sentiment", ("notify",))


class IncidentLevel(StrEnum):
    """突发事件应对法 Art. 3, and the product's fifth value for opinion that is no emergency."""

    EXTREMELY_SERIOUS = "extremely_serious"
    SERIOUS = "serious"
    LARGER = "larger"
    GENERAL = "general"
    NOT_EMERGENCY = "not_emergency"


class IncidentEvent(Event):
    topic = INCIDENTS

    incident_id: UUID
    title: str
    agency_name: str
    level: IncidentLevel


class IncidentRegistered(IncidentEvent):
    """The hour clocks run from `started_at`; a step that this level does not ask for has no due time."""

    type = "lantai.sentiment.incident.registered.v1"

    started_at: datetime
    release_due_at: datetime | None
    press_due_at: datetime | None
    response_due_at: datetime | None


class IncidentReclassified(IncidentEvent):
    """The level was corrected, so the clocks were dated anew."""

    type = "lantai.sentiment.incident.reclassified.v1"

    level_before: IncidentLevel
    started_at: datetime
    release_due_at: datetime | None
    press_due_at: datetime | None
    response_due_at: datetime | None


class IncidentDueSoon(IncidentEvent):
    """One hour clock (`step`: release | press | response) is about to run out."""

    type = "lantai.sentiment.incident.due_soon.v1"

    step: str
    due_at: datetime


class IncidentEscalated(IncidentEvent):
    """An hour clock ran out without the step being done: the supervisor is told."""

    type = "lantai.sentiment.incident.escalated.v1"

    step: str
    due_at: datetime
    citation: str


class IncidentResponded(IncidentEvent):
    """A step was done, or (`step` = continued) information was released again."""

    type = "lantai.sentiment.incident.responded.v1"

    step: str
    responded_at: datetime
    in_time: bool | None


class IncidentClosed(IncidentEvent):
    type = "lantai.sentiment.incident.closed.v1"


EVENTS: tuple[type[Event], ...] = (
    IncidentRegistered,
    IncidentReclassified,
    IncidentDueSoon,
    IncidentEscalated,
    IncidentResponded,
    IncidentClosed,
)
