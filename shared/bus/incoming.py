"""A delivered record as the consumer sees it: which event it is, and where its key stands in line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.bus.transport import Delivered, Record
from shared.events import Event


@dataclass(frozen=True)
class Incoming:
    """One event to handle. Ids of records without a readable one are derived from their place in the log."""

    event_id: UUID
    type: str
    record: Record

    @property
    def place(self) -> tuple[str, str]:
        """What is parked when this event fails: its topic and key."""
        return self.record.topic, self.record.key


def incoming(batch: Iterable[Delivered], known: Mapping[str, type[Event]]) -> list[Incoming]:
    """Keep what this consumer handles; an event type that it does not know is not its business."""
    return [
        Incoming(_event_id(delivered), delivered.record.headers.get("ce_type", ""), delivered.record)
        for delivered in batch
        if delivered.record.headers.get("ce_type") in known or "ce_type" not in delivered.record.headers
    ]


def agency_of(headers: Mapping[str, str]) -> UUID | None:
    """Return the event's agency; a malformed event may name none."""
    try:
        return UUID(headers["ce_agencyid"])
    except (KeyError, ValueError):
        return None


def _event_id(delivered: Delivered) -> UUID:
    try:
        return UUID(delivered.record.headers["ce_id"])
    except (KeyError, ValueError):
        record = delivered.record
        return uuid5(NAMESPACE_URL, f"{record.topic}/{delivered.partition}/{delivered.offset}")
