"""Writes into the ledger what is published from now on: `python -m shared.events.release`, once a change is reviewed.

It refuses what breaks an earlier release, and takes no entry away.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from . import ledger
from .base import Event
from .registry import EVENTS


def release(events: Iterable[type[Event]] = tuple(EVENTS.values()), path: Path = ledger.LEDGER) -> list[str]:
    """Add the events to the ledger; return the broken promises that forbid it (then nothing is written)."""
    released = ledger.read(path) if path.exists() else {}
    current = ledger.entries_of(events)
    if found := ledger.broken_promises(released, current):
        return found
    ledger.write({**released, **current}, path)
    return []


if __name__ == "__main__":
    if refused := release():
        sys.exit("This breaks an earlier release: publish a new version beside the old one.\n" + "\n".join(refused))
