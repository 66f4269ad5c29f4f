"""Writes what is committed beside the models: schemas, missing golden examples, and `asyncapi.json`.

Run as `python -m shared.events.generate`. It refuses what breaks the committed schemas or an earlier release
(`ledger.py`) and never rewrites an example: both stand for what readers and the log already hold. Only before an
event's first release may its files be deleted and made anew.
"""

import json
import sys
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

from pydantic import BaseModel

from .asyncapi import document
from .base import Envelope, Event, encode
from .compat import registry_breaks
from .ledger import broken_promises, entries_of, read
from .registry import EVENTS
from .schema import EXAMPLES, SCHEMAS, as_text, committed_examples, committed_schemas, schema_of

ASYNCAPI = Path(__file__).parent / "asyncapi.json"
_MOMENT = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
_SCALARS: dict[type, Any] = {
    str: "示例文本",
    int: 1,
    bool: False,
    float: 1.0,
    UUID: UUID("01935f2e-7a00-7000-8000-000000000001"),
    datetime: _MOMENT,
    date: date(2026, 11, 23),
}


def example_of(event: type[Event]) -> dict[str, Any]:
    """Return a record of the event with a value in every field."""
    values = {name: _value(field.annotation) for name, field in event.model_fields.items()}
    envelope = Envelope(
        id=UUID("01935f2e-7a00-7000-8000-0000000000e1"),
        source=f"/lantai/{event.topic.owner}",
        subject=UUID("01935f2e-7a00-7000-8000-000000000001"),
        time=_MOMENT,
        agency_id=UUID("01935f2e-7a00-7000-8000-0000000000a1"),
        data=event(**values),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    )
    key, headers, body = encode(envelope)
    return {"key": key, "headers": headers, "body": json.loads(body)}


def _value(annotation: Any) -> Any:
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next(iter(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {name: _value(field.annotation) for name, field in annotation.model_fields.items()}
    arguments = [part for part in get_args(annotation) if part not in (NoneType, Ellipsis)]
    if get_origin(annotation) is dict:
        return {_value(arguments[0]): _value(arguments[1])}
    if get_origin(annotation) in (tuple, list):
        return [_value(part) for part in arguments]
    return _value(arguments[0])


def write() -> list[str]:
    """Write the files; return the breaks that forbid it (then nothing is written)."""
    current = {kind: schema_of(event) for kind, event in EVENTS.items()}
    found = registry_breaks(committed_schemas(), current)
    found += [what for what in broken_promises(read(), entries_of(EVENTS.values())) if what not in found]
    if found:
        return found
    for kind, schema in current.items():
        (SCHEMAS / f"{kind}.json").write_text(as_text(schema), "utf-8")
    for kind in EVENTS.keys() - committed_examples().keys():
        (EXAMPLES / f"{kind}.json").write_text(as_text(example_of(EVENTS[kind])), "utf-8")
    ASYNCAPI.write_text(as_text(document()), "utf-8")
    return []


if __name__ == "__main__":
    if refused := write():
        sys.exit("Breaking changes: publish a new version beside the old one.\n" + "\n".join(refused))
