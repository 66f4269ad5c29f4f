"""Settles events: each gets its effect, once, or its place among the parked, before the caller forgets it.

Events are handled in transactions of several, each with the events' inbox rows. One that fails has its key parked and
the rest goes on, in the same transaction (`effects.py`). What takes the whole transaction away (a handler that is cut,
a constraint that is looked at in the end) is isolated by further transactions. A database in trouble is nobody's fault:
it is raised, and the caller waits; what comes next is tried in small parts, so that an event that causes the trouble
is soon alone, and is parked when it does so every time (`suspects.py`).
"""

import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from shared.bus.dispatch import Dispatcher, EventsCut, EventsFailed
from shared.bus.effects import Effects, blaming
from shared.bus.inbox import claim, claim_with_effects
from shared.bus.incoming import Incoming
from shared.bus.isolate import isolate
from shared.db.engine import Database
from shared.db.suspects import Suspects
from shared.db.trouble import describe, transaction_trouble
from shared.db.uow import Actor
from shared.telemetry.metrics import Metrics

FIRST_SLICE = 25
SLICE_SECONDS = 0.15


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
        self._actor = Actor.system(db.service)
        self._dispatcher = dispatcher
        self._first_pause = first_pause
        self._largest = largest_transaction
        self._slice = min(FIRST_SLICE, largest_transaction)
        self._suspects = Suspects(db)
        self._some_parked = True  # whether a key was, when we last looked: to begin with, one may be
        self._answered = False  # whether the database took the claim of the transaction at hand
        self._begun_again = metrics.counter("consumer_begun_again", "Transactions undone to claim their events first")
        self._events = metrics.counter("consumer_events", "Events read, by what became of them", ("outcome",))

    async def settle_some(self, events: Sequence[Incoming]) -> int:
        """Settle the first of these and return how many. Raises what a database in trouble raised."""
        part = events[: self._slice]
        began = time.monotonic()
        try:
            await isolate(part, self._transaction, self._park)
        except Exception as error:
            if not transaction_trouble(error):
                raise
            self._slice = 1
            if len(part) > 1 or not self._answered or not await self._suspects.blamed(part[0].event_id):
                raise
            await self._park(part[0], describe(error))
        self._suspects.keep(())
        self._fit_slice(time.monotonic() - began)
        return len(part)

    def _fit_slice(self, took_seconds: float) -> None:
        """Many quick events share a commit; slow ones must not keep their rows locked from the people at work."""
        if took_seconds > 2 * SLICE_SECONDS:
            self._slice = max(self._slice // 2, 1)
        elif took_seconds < SLICE_SECONDS:
            self._slice = min(self._slice * 2, self._largest)

    async def _transaction(self, events: Sequence[Incoming]) -> None:
        """One inbox-and-effect transaction. Raises Failure, or what a database in trouble raised."""
        self._answered = False
        with blaming(events):
            if len(events) <= FIRST_SLICE and not self._some_parked and await self._at_once(events):
                return
            async with self._db.write(self._actor, claim(events)) as uow:
                self._answered = True
                self._some_parked = bool(uow.told[0]["some_parked"])
                effects = Effects(uow, self._dispatcher, self._first_pause)
                await effects.settle(events)
        self._count(effects.outcomes)

    async def _at_once(self, events: Sequence[Incoming]) -> bool:
        """Settle events of which nothing is known yet, claimed with their effects; False if nothing came of it."""
        try:
            async with self._db.write(self._actor, claim_with_effects(events)) as uow:
                effects = Effects(uow, self._dispatcher, self._first_pause)
                await effects.attempt(events)
        except Exception as error:  # whatever it was, who claims them first meets it again, and knows more of them
            if isinstance(error, EventsCut) or (isinstance(error, EventsFailed) and uow.presumed_rightly):
                raise  # but this would only cost its time once more
            self._begun_again.inc()
            return False
        self._count(effects.outcomes)
        return True

    async def _park(self, event: Incoming, error: str) -> None:
        """Park an event whose transaction was lost with it."""
        async with self._db.write(self._actor, claim([event])) as uow:
            effects = Effects(uow, self._dispatcher, self._first_pause)
            # Another member may have handled or parked it meanwhile.
            for fresh in await effects.claimed([event]):
                await effects.park(fresh, error)
        self._count(effects.outcomes)

    def _count(self, outcomes: Counter[str]) -> None:
        for outcome, count in outcomes.items():
            self._events.labels(outcome).inc(count)
