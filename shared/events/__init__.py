"""The events that services exchange: CloudEvents 1.0, Pydantic models as the single source.

This folder imports pydantic and the standard library only, and relatively, because it is also built
as the wheel `lantai-events` (import name `lantai_events`) for other readers of our topics.
"""

from .base import (
    MAX_EVENT_BYTES,
    Envelope,
    Event,
    EventTooLarge,
    MalformedEvent,
    Topic,
    UnknownEventType,
    decode,
    encode,
)
from .registry import EVENTS, TOPICS

__all__ = [
    "EVENTS",
    "MAX_EVENT_BYTES",
    "TOPICS",
    "Envelope",
    "Event",
    "EventTooLarge",
    "MalformedEvent",
    "Topic",
    "UnknownEventType",
    "decode",
    "encode",
]
