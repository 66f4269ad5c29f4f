"""Settles events: each gets its effect, once, or its place among the parked, before the caller forgets it.

Events are handled in transactions of several, each with the events' inbox rows. When a transaction fails, what came
before the failing event is done first, then that event alone; if it fails alone, its key is parked (`parked.py`) and
the rest goes on. A database in trouble is nobody's fault: it is raised, and the caller waits.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import text

from shared.bus.dispatch import Dispatcher, EventFailed
from shared.bus.inbox import claim
from shared.bus.incoming import Incoming
from shared.bus.parked import follow, park, parked_among
from shared.db.engine import Database
from shared.db.trouble import database_trouble, describe
from shared.db.uow import Actor
from shared.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
FIRST_SLICE = 25
SLICE_SECONDS = 0.15
_STILL_SOUND = text("SELECT 1")


class UnattributedFailure(Exception):
    """The transaction failed at its end (flush, deferred constraint): each of its events is tried alone."""


class Settling:
    """How the events of one consumer group take effect in its service's database."""

    def __init__(
        self,
        db: Database,
        dispatcher: Dispatcher,
        metrics: Metrics,
        *,
        largest_transaction: int,
        first_pause: timedelta,
    ) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._first_pause = first_pause
        self._largest = largest_transaction
        self._slice = min(FIRST_SLICE, largest_transaction)
        self._events = metrics.counter("consumer_events", "Events read, by what became of them", ("outcome",))

    async def settle_some(self, events: Sequence[Incoming]) -> int:
        """Settle the first of these and return how many. Raises what a database in trouble raised."""
        part = list(events[: self._slice])
        began = time.monotonic()
        await self._settle(part)
        self._fit_slice(time.monotonic() - began)
        return len(part)

    def _fit_slice(self, took_seconds: float) -> None:
        """Many quick events share a commit; slow ones must not keep their rows locked from the people at work."""
        if took_seconds > 2 * SLICE_SECONDS:
            self._slice = max(self._slice // 2, 1)
        elif took_seconds < SLICE_SECONDS:
            self._slice = min(self._slice * 2, self._largest)

    async def _settle(self, events: list[Incoming]) -> None:
        """Handle events in one transaction, or find the one that cannot be handled and park it."""
        while events:
            try:
                await self._transaction(events)
                return
            except EventFailed as failure:
                if len(events) == 1:
                    await self._park(failure)
                    return
                culprit = events.index(failure.event)
            except UnattributedFailure:
                for event in events:
                    await self._settle([event])
                return
            if culprit:
                await self._settle(events[:culprit])
            await self._settle([events[culprit]])
            events = events[culprit + 1 :]

    async def _transaction(self, events: list[Incoming]) -> None:
        """One inbox-and-effect transaction. Raises EventFailed, or UnattributedFailure for what only the end told."""
        try:
            outcomes = await self._effects(events)
        except EventFailed:
            raise
        except Exception as error:
            if database_trouble(error) or isinstance(error, OSError):
                raise
            if len(events) == 1:
                raise EventFailed(events[0], describe(error)) from error
            raise UnattributedFailure from error
        self._count(outcomes)

    async def _effects(self, events: list[Incoming]) -> Mapping[str, int]:
        outcomes = dict.fromkeys(("handled", "duplicate", "parked"), 0)
        async with self._db.write(Actor.system(self._db.service)) as uow:
            fresh = await claim(uow.session, events)
            # Asked after the claim: who parked one of these keys meanwhile has committed by now, and is seen.
            standing = await parked_among(uow.session, (e.place for e in events if e.event_id in fresh))
            for event in events:
                if event.event_id not in fresh:
                    outcomes["duplicate"] += 1
                elif event.place in standing:
                    await follow(uow.session, event)
                    outcomes["parked"] += 1
                else:
                    await self._dispatcher.handle(uow, event)
                    outcomes["handled"] += 1
                fresh.discard(event.event_id)
            await uow.flush()
            # A handler may have swallowed an error that doomed the transaction; its COMMIT would not tell.
            await uow.session.execute(_STILL_SOUND)
        return outcomes

    async def _park(self, failure: EventFailed) -> None:
        event = failure.event
        log.warning("event failed, key parked", type=event.type, event_id=str(event.event_id), error=failure.error)
        async with self._db.write(Actor.system(self._db.service)) as uow:
            if not await claim(uow.session, [event]):
                return  # another member has handled or parked it meanwhile
            if await parked_among(uow.session, [event.place]):
                await follow(uow.session, event)
            else:
                await park(uow.session, event, failure.error, self._first_pause)
        self._count({"failed": 1})

    def _count(self, outcomes: Mapping[str, int]) -> None:
        for outcome, count in outcomes.items():
            self._events.labels(outcome).inc(count)
