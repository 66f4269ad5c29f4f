"""Gives one event to its handler, inside the unit of work that the caller opened."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from shared.bus.incoming import Incoming
from shared.db.trouble import database_trouble, describe, row_is_held
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Event, decode
from shared.telemetry import trace

Handler = Callable[[UnitOfWork, Envelope[Any]], Awaitable[None]]


class EventFailed(Exception):
    """The handler of one event raised, or waited too long for a row; `__cause__` is what it raised."""

    def __init__(self, event: Incoming, error: str) -> None:
        super().__init__(f"{event.type} {event.event_id}: {error}")
        self.event = event
        self.error = error


class Dispatcher:
    """The handlers of one consumer group, by event type."""

    def __init__(self, handlers: Mapping[type[Event], Handler], handler_seconds: float) -> None:
        self.known = {event.type: event for event in handlers}
        self.topics = sorted({event.topic.name for event in handlers})
        self._handlers = {event.type: handler for event, handler in handlers.items()}
        self._handler_seconds = handler_seconds

    async def handle(self, uow: UnitOfWork, event: Incoming) -> None:
        """Run the handler. Raises EventFailed, or what a database in trouble raised."""
        try:
            envelope = decode(event.record.headers, event.record.body, self.known)
            async with asyncio.timeout(self._handler_seconds):
                with trace.use(envelope.traceparent):
                    await self._handlers[event.type](uow, envelope)
        except Exception as error:
            if database_trouble(error) and not row_is_held(error):
                raise
            raise EventFailed(event, describe(error)) from error
