"""Every event and topic that exists, with its owner and readers."""

from . import catalog, notify, requests, sentiment
from .base import Event, Topic

EVENTS: dict[str, type[Event]] = {
    event.type: event for module in (catalog, requests, sentiment, notify) for event in module.EVENTS
}
TOPICS: dict[str, Topic] = {event.topic.name: event.topic for event in EVENTS.values()}
