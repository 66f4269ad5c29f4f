"""A delivered record as the consumer sees it: which event it is, and where its key stands in line."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.bus.transport import Delivered, Record
from shared.events import Envelope, Event, MalformedEvent, decode

KEY_CHARACTERS = 500  # an index entry of PostgreSQL holds some 2,700 bytes, topic and key together


class Incoming(NamedTuple):
    """One event to handle. Ids of records without a readable one are derived from their place in the log.

    Without an `envelope` the record was not read yet, or cannot be: whoever opens it then is told why.
    """

    event_id: UUID
    type: str
    record: Record
    envelope: Envelope[Event] | None = None

    @property
    def place(self) -> tuple[str, str]:
        """What is parked when this event fails: its topic and key."""
        return self.record.topic, self.record.key


def incoming(batch: Iterable[Delivered], known: Mapping[str, type[Event]]) -> list[Incoming]:
    """Read what this consumer handles; an event type that it does not know is not its business."""
    return list(_read(batch, known))


def _read(batch: Iterable[Delivered], known: Mapping[str, type[Event]]) -> Iterator[Incoming]:
    for delivered in batch:
        record = delivered.record
        if len(record.key) > KEY_CHARACTERS:
            record = record._replace(key=_shortened(record.key))
        kind = record.headers.get("ce_type")
        if kind is None or kind in known:
            try:
                envelope = decode(record.headers, record.body, known)
            except MalformedEvent:
                yield Incoming(_event_id(delivered), kind or "", record)
            else:
                yield Incoming(envelope.id, envelope.type, record, envelope)


def agency_of(headers: Mapping[str, str]) -> UUID | None:
    """Return the event's agency; a malformed event may name none."""
    try:
        return UUID(headers["ce_agencyid"])
    except (KeyError, ValueError):
        return None


def _shortened(key: str) -> str:
    """Return what stands for a stranger's long key (ours are ids) in the rows of this consumer."""
    return f"{key[: KEY_CHARACTERS // 2]}… sha256:{hashlib.sha256(key.encode()).hexdigest()}"


def _event_id(delivered: Delivered) -> UUID:
    try:
        return UUID(delivered.record.headers["ce_id"])
    except (KeyError, ValueError):
        record = delivered.record
        return uuid5(NAMESPACE_URL, f"{record.topic}/{delivered.partition}/{delivered.offset}")
