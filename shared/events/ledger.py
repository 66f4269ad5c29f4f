"""What was released: of each event type its topic, key, schema and golden example, as readers and the log know them.

`released.json` is written by `release.py` alone, which adds and never takes away; its seal shows an edit by hand. So a
break is caught though the committed schema and example were deleted with the field.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from .base import Event
from .compat import breaks
from .schema import as_text, committed_examples, schema_of

LEDGER = Path(__file__).parent / "released.json"
Entry = Mapping[str, Any]
STAYS = "a released type stays until its log has expired and no reader is left"


class LedgerEdited(ValueError):
    """The ledger is not as the release step left it."""


def entry_of(event: type[Event], example: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what a release promises of an event."""
    return {
        "topic": event.topic.name,
        "key": "subject" if example and example["key"] == example["headers"]["ce_subject"] else "unknown",
        "partitions": event.topic.partitions,
        "compacted": event.topic.compacted,
        "example": digest(example),
        "schema": schema_of(event),
    }


def entries_of(events: Iterable[type[Event]]) -> dict[str, dict[str, Any]]:
    """Return the entries of these events, with the committed examples."""
    examples = committed_examples()
    return {event.type: entry_of(event, examples.get(event.type)) for event in events}


def digest(document: Any) -> str:
    """Return the SHA-256 of a document, however it is laid out."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def read(path: Path = LEDGER) -> dict[str, Entry]:
    """Return the released entries by type. Raises LedgerEdited."""
    ledger = json.loads(path.read_text("utf-8"))
    if ledger["seal"] != digest(ledger["types"]):
        raise LedgerEdited(f"{path.name} was edited by hand: only python -m shared.events.release writes it")
    types: dict[str, Entry] = ledger["types"]
    return types


def write(entries: Mapping[str, Entry], path: Path = LEDGER) -> None:
    """Write the ledger, sealed."""
    ordered = dict(sorted(entries.items()))
    path.write_text(as_text({"seal": digest(ordered), "types": ordered}), "utf-8")


def broken_promises(released: Mapping[str, Entry], current: Mapping[str, Entry]) -> list[str]:
    """Return what of `current` breaks what was released, a sentence each; empty when nothing does."""
    found = [f"{kind}: it was released and is gone; {STAYS}" for kind in sorted(released.keys() - current.keys())]
    for kind in sorted(released.keys() & current.keys()):
        was, now = released[kind], current[kind]
        found += [
            f"{kind}: {what} was released as {was[what]} and is now {now[what]}; that needs a new version"
            for what in ("topic", "key", "partitions", "compacted")
            if was[what] != now[what]
        ]
        if was["example"] != now["example"]:
            found.append(f"{kind}: its golden example is not the released one; it stands for what the log holds")
        found += [f"{kind}: {what}" for what in breaks(was["schema"], now["schema"])]
    return found


def unreleased(released: Mapping[str, Entry], current: Mapping[str, Entry]) -> list[str]:
    """Return what no release has promised yet: new types, and additions to old ones."""
    added = [f"{kind}: it is not in the ledger" for kind in sorted(current.keys() - released.keys())]
    return added + [
        f"{kind}: its schema is not the one in the ledger"
        for kind in sorted(current.keys() & released.keys())
        if current[kind]["schema"] != released[kind]["schema"]
    ]
