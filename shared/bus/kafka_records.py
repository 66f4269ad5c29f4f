"""What Kafka's client delivers, as the house reads it: text where text belongs, whoever wrote the record.

It is done for every record that is read, so the usual record, whose bytes are text, takes the short way.
"""

from datetime import UTC, datetime
from typing import Any

from shared.bus.transport import Delivered, Record


def delivered(message: Any) -> Delivered:
    """Return the client's `ConsumerRecord` as ours."""
    try:
        key, headers = message.key.decode(), {name: value.decode() for name, value in message.headers}
        at = datetime.fromtimestamp(message.timestamp / 1000, UTC)
        strange = "\0" in key or "\0" in "".join(headers.values())
    except (AttributeError, ValueError, ArithmeticError, OSError):  # no key, no value, other bytes than text, no time
        strange = True
    if strange:
        at = _time(message.timestamp)
        key, headers = _text(message.key), {name: _text(value) for name, value in message.headers}
    record = Record(message.topic, key, headers, message.value or b"")
    return Delivered(record, message.partition, message.offset, at)


def _text(raw: bytes | None) -> str:
    """Read what should be text; a stranger's bytes become a text that PostgreSQL can keep, for the key to be parked."""
    return (raw or b"").decode(errors="replace").replace("\0", "\ufffd")


def _time(milliseconds: int) -> datetime:
    """Read a time that may lie outside of every calendar: whoever writes a record says when it was."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, ArithmeticError, OSError):
        return datetime.fromtimestamp(0, UTC)
