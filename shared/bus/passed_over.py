"""Counts the events whose type has no handler here, and tells each type once.

Most often they are for other readers of the topic. But a handler that was forgotten, or is deployed after its events,
shows nowhere else: they are not read again by themselves.
"""

import re
from collections import Counter
from collections.abc import Container, Iterable

import structlog

from shared.bus.transport import Delivered
from shared.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
LISTED = 100
OTHER = "other"
_OURS = re.compile(r"lantai(?:\.[a-z_]{1,40}){3}\.v[1-9][0-9]{0,3}")


class PassedOver:
    """What one consumer group leaves alone. A stranger's types, and more than any registry has, are one label."""

    def __init__(self, metrics: Metrics, group: str, known: Container[str]) -> None:
        self._group = group
        self._known = known
        self._told: set[str] = set()
        self._count = metrics.counter("consumer_unknown_events", "Events read without a handler, by type", ("type",))

    def note(self, batch: Iterable[Delivered]) -> None:
        """Count those of the batch."""
        kinds = (delivered.record.headers.get("ce_type") for delivered in batch)
        for kind, events in Counter(kind for kind in kinds if kind is not None and kind not in self._known).items():
            label = self._label(kind)
            self._count.labels(label).inc(events)
            if label not in self._told:
                self._told.add(label)
                log.info("no handler for events of this type, they are passed over", group=self._group, type=label)

    def _label(self, kind: str) -> str:
        if kind in self._told or (len(self._told) < LISTED and _OURS.fullmatch(kind)):
            return kind
        return OTHER
