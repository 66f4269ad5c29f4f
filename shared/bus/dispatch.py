"""Gives events to their handlers, inside the unit of work that the caller opened."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.bus.incoming import Incoming
from shared.db.trouble import database_trouble, describe, row_is_held
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Event, decode
from shared.telemetry import trace

OneByOne = Callable[[UnitOfWork, Envelope[Any]], Awaitable[None]]


@dataclass(frozen=True)
class InBatches:
    """A handler that takes neighbouring events of its type together, in their order: one statement writes them all.

    When it fails, nobody knows whose fault it was, and halves are tried (`isolate.py`).
    """

    handle: Callable[[UnitOfWork, Sequence[Envelope[Any]]], Awaitable[None]]


Handler = OneByOne | InBatches


class Failure(Exception):
    """Among `events`, neighbours in the order of delivery, is one whose handler cannot do its work."""

    def __init__(self, events: Sequence[Incoming], error: str) -> None:
        super().__init__(f"{events[0].type} {events[0].event_id} ({len(events)} together): {error}")
        self.events = events
        self.error = error


class EventsFailed(Failure):
    """A handler raised, or waited too long for a row; `__cause__` is what it raised.

    `harmless` is a single event whose handler had done nothing before: what came before it is done and stands.
    """

    def __init__(self, events: Sequence[Incoming], error: str, *, harmless: bool = False) -> None:
        super().__init__(events, error)
        self.harmless = harmless


class EventsCut(Failure):
    """A handler was cut after its time; the connection that it used may be gone with it."""


class Dispatcher:
    """The handlers of one consumer group, by event type. A handler has `handler_seconds`, a tenth more or less."""

    def __init__(self, handlers: Mapping[type[Event], Handler], handler_seconds: float) -> None:
        self.known = {event.type: event for event in handlers}
        self.topics = sorted({event.topic.name for event in handlers})
        self._handlers = {event.type: handler for event, handler in handlers.items()}
        self._handler_seconds = handler_seconds

    async def handle(self, uow: UnitOfWork, events: Sequence[Incoming]) -> None:
        """Run the handlers, in order. Raises EventsFailed, EventsCut, or what a database in trouble raised."""
        step = events[:1]
        clock = asyncio.get_running_loop().time
        renew_at, steps = 0.0, uow.steps
        try:
            async with asyncio.timeout(None) as limit:
                for step in self._steps(events):
                    if (now := clock()) >= renew_at:
                        limit.reschedule(now + self._handler_seconds)
                        renew_at = now + self._handler_seconds / 10
                    steps = uow.steps
                    await self._take(uow, step)
        except Exception as error:
            if limit.expired():
                raise EventsCut(step, describe(error)) from error
            if database_trouble(error) and not row_is_held(error):
                raise
            harmless = len(step) == 1 and uow.unchanged_since(steps)
            raise EventsFailed(step, describe(error), harmless=harmless) from error

    def _steps(self, events: Iterable[Incoming]) -> Iterator[list[Incoming]]:
        """Events one by one, or neighbours together whose handler takes many; one that cannot be read stands alone."""
        together: list[Incoming] = []
        for event in events:
            many = event.envelope is not None and isinstance(self._handlers[event.type], InBatches)
            if together and not (many and event.type == together[0].type):
                yield together
                together = []
            if many:
                together.append(event)
            else:
                yield [event]
        if together:
            yield together

    async def _take(self, uow: UnitOfWork, step: list[Incoming]) -> None:
        envelopes = [event.envelope or decode(event.record.headers, event.record.body, self.known) for event in step]
        handler = self._handlers[step[0].type]
        # Events handled together come from many traces: what the handler does for all of them begins a new one.
        with trace.use(envelopes[0].traceparent if len(step) == 1 else None):
            if isinstance(handler, InBatches):
                await handler.handle(uow, envelopes)
            else:
                await handler(uow, envelopes[0])
