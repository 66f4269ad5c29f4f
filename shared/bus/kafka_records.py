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
        strange = "\0" in key or "\0" in "".join(headers.values())
    except (AttributeError, UnicodeDecodeError):  # no key, no value, or other bytes than text
        strange = True
    if strange:
        key, headers = _text(message.key), {name: _text(value) for name, value in message.headers}
    record = Record(message.topic, key, headers, message.value or b"")
    return Delivered(record, message.partition, message.offset, datetime.fromtimestamp(message.timestamp / 1000, UTC))


def _text(raw: bytes | None) -> str:
    """Read what should be text; a stranger's bytes become a text that PostgreSQL can keep, for the key to be parked."""
    return (raw or b"").decode(errors="replace").replace("\0", "\ufffd")
