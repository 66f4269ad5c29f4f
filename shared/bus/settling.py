"""Settles events: each gets its effect, once, or its place among the parked, before the caller forgets it.

Events are handled in transactions of several, each with the events' inbox rows, and inside it in a savepoint: when
that fails, the culprit is found by further savepoints (`isolate.py`), its key is parked (`parked.py`) and the rest goes
on, in the same transaction. What takes the whole transaction away (a handler that is cut, a constraint that is looked
at in the end) is isolated likewise by further transactions. A database in trouble is nobody's fault: it is raised, and
the caller waits.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import structlog

from shared.bus.dispatch import Dispatcher, EventsFailed, Failure
from shared.bus.inbox import claim
from shared.bus.incoming import Incoming
from shared.bus.isolate import isolate
from shared.bus.parked import Place, follow, park, parked_among
from shared.db.engine import Database
from shared.db.trouble import database_trouble, describe
from shared.db.uow import Actor, UnitOfWork
from shared.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
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
        self._dispatcher = dispatcher
        self._first_pause = first_pause
        self._largest = largest_transaction
        self._slice = min(FIRST_SLICE, largest_transaction)
        self._events = metrics.counter("consumer_events", "Events read, by what became of them", ("outcome",))

    async def settle_some(self, events: Sequence[Incoming]) -> int:
        """Settle the first of these and return how many. Raises what a database in trouble raised."""
        part = events[: self._slice]
        began = time.monotonic()
        await isolate(part, self._transaction, self._park)
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
        with _blaming(events):
            async with self._db.write(Actor.system(self._db.service)) as uow:
                work = _Work(uow, self._dispatcher, self._first_pause)
                await work.settle(events)
        self._count(work.outcomes)

    async def _park(self, event: Incoming, error: str) -> None:
        """Park an event whose transaction was lost with it."""
        async with self._db.write(Actor.system(self._db.service)) as uow:
            work = _Work(uow, self._dispatcher, self._first_pause)
            # Another member may have handled or parked it meanwhile.
            for fresh in await work.claimed([event]):
                await work.park(fresh, error)
        self._count(work.outcomes)

    def _count(self, outcomes: Counter[str]) -> None:
        for outcome, count in outcomes.items():
            self._events.labels(outcome).inc(count)


class _Work:
    """What one transaction does; `outcomes` become true when it commits."""

    def __init__(self, uow: UnitOfWork, dispatcher: Dispatcher, first_pause: timedelta) -> None:
        self._uow = uow
        self._dispatcher = dispatcher
        self._first_pause = first_pause
        self._standing: set[Place] = set()  # the parked keys among ours, held until the transaction ends
        self.outcomes: Counter[str] = Counter()

    async def settle(self, events: Sequence[Incoming]) -> None:
        """Claim the events, handle those that are new, and put those of parked keys in line there."""
        fresh = await self.claimed(events)
        if len(fresh) == 1:  # its savepoint is the transaction
            self.outcomes.update(await self._attempt(fresh))
        else:
            await isolate(fresh, self._attempt_in_savepoint, self.park, EventsFailed)

    async def claimed(self, events: Sequence[Incoming]) -> Sequence[Incoming]:
        """Return the events, each once, that had not taken effect before; their keys stay as they are from now on."""
        claims = await claim(self._uow, events)
        if len(claims) == len(events):
            fresh = events
        else:
            fresh = [event for event in events if _taken(claims, event.event_id)]
            self.outcomes["duplicate"] += len(events) - len(fresh)
        # Asked after the claim: who parked one of these keys meanwhile has committed by now, and is seen.
        self._standing = await parked_among(self._uow, fresh)
        return fresh

    async def park(self, event: Incoming, error: str) -> None:
        log.warning("event failed, key parked", type=event.type, event_id=str(event.event_id), error=error)
        if event.place in self._standing:
            await follow(self._uow, [event])
        else:
            await park(self._uow, event, error, self._first_pause)
            self._standing.add(event.place)
        self.outcomes["failed"] += 1

    async def _attempt_in_savepoint(self, events: Sequence[Incoming]) -> None:
        with _blaming(events):
            async with self._uow.savepoint():
                outcomes = await self._attempt(events)
        self.outcomes.update(outcomes)

    async def _attempt(self, events: Sequence[Incoming]) -> Counter[str]:
        free = [event for event in events if event.place not in self._standing] if self._standing else events
        await self._dispatcher.handle(self._uow, free)
        if len(free) < len(events):
            await follow(self._uow, [event for event in events if event.place in self._standing])
        return Counter(handled=len(free), parked=len(events) - len(free))


def _taken(claims: set[UUID], event_id: UUID) -> bool:
    """Whether the id is claimed, once: the same event may stand twice in a batch."""
    found = event_id in claims
    claims.discard(event_id)
    return found


@contextmanager
def _blaming(events: Sequence[Incoming]) -> Iterator[None]:
    """What nobody is blamed for yet (a flush, the end of a transaction told it) is the fault of one of these."""
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        if database_trouble(error) or isinstance(error, OSError):
            raise
        raise EventsFailed(events, describe(error)) from error
