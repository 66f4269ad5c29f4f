"""What one transaction does with claimed events: handle them, or put them in line where their key is parked.

An event whose handler fails is found by savepoints (`isolate.py`), unless its handler had done nothing yet: then
nothing has to be undone, and those before it stand.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import structlog

from shared.bus.dispatch import Dispatcher, EventsFailed, Failure
from shared.bus.inbox import claimed
from shared.bus.incoming import Incoming
from shared.bus.isolate import isolate
from shared.bus.parked import Place, follow, park
from shared.db.trouble import describe, transaction_trouble
from shared.db.uow import UnitOfWork

log = structlog.get_logger(__name__)


class Effects:
    """Those of one transaction; `outcomes` become true when it commits."""

    def __init__(self, uow: UnitOfWork, dispatcher: Dispatcher, first_pause: timedelta) -> None:
        self._uow = uow
        self._dispatcher = dispatcher
        self._first_pause = first_pause
        self._standing: set[Place] = set()  # the parked keys among ours, held until the transaction ends
        self.outcomes: Counter[str] = Counter()

    async def settle(self, events: Sequence[Incoming]) -> None:
        """Handle those of the claimed events that are new, and put those of parked keys in line there."""
        fresh = await self.claimed(events)
        if len(fresh) == 1:  # its savepoint is the transaction
            await self.attempt(fresh)
        else:
            await isolate(fresh, self._attempt_in_savepoint, self.park, EventsFailed)

    async def claimed(self, events: Sequence[Incoming]) -> Sequence[Incoming]:
        """Return the events, each once, that had not taken effect before; their keys stay as they are from now on."""
        fresh, self._standing = await claimed(self._uow, events)
        self.outcomes["duplicate"] += len(events) - len(fresh)
        return fresh

    async def park(self, event: Incoming, error: str) -> None:
        if event.place in self._standing:
            await follow(self._uow, [event])
        else:
            await park(self._uow, event, error, self._first_pause)
            self._standing.add(event.place)
        topic, key = event.place
        log.warning(
            "event failed, key parked",
            service=self._uow.service,
            topic=topic,
            key=key,
            type=event.type,
            event_id=str(event.event_id),
            error=error,
        )
        self.outcomes["failed"] += 1

    async def _attempt_in_savepoint(self, events: Sequence[Incoming]) -> None:
        before = self._standing.copy(), self.outcomes.copy()
        try:
            with blaming(events):
                async with self._uow.savepoint():
                    await self.attempt(events)
        except BaseException:
            self._standing, self.outcomes = before
            raise

    async def attempt(self, events: Sequence[Incoming]) -> None:
        """Handle claimed events, or put them in line; raises Failure where something would have to be undone."""
        free, waiting = self._parted(events)
        while free:
            try:
                await self._dispatcher.handle(self._uow, free)
                self.outcomes["handled"] += len(free)
                break
            except EventsFailed as failed:
                if not failed.harmless:
                    raise
                place = next(place for place, event in enumerate(free) if event is failed.events[0])
                self.outcomes["handled"] += place
                await self.park(free[place], failed.error)
                free, behind = self._parted(free[place + 1 :])
                waiting += behind
        await follow(self._uow, waiting)
        self.outcomes["parked"] += len(waiting)

    def _parted(self, events: Sequence[Incoming]) -> tuple[Sequence[Incoming], list[Incoming]]:
        """Part the events of free keys from those whose key is parked."""
        if not self._standing:
            return events, []
        free, waiting = list[Incoming](), list[Incoming]()
        for event in events:
            (waiting if event.place in self._standing else free).append(event)
        return free, waiting


@contextmanager
def blaming(events: Sequence[Incoming]) -> Iterator[None]:
    """What nobody is blamed for yet (a flush, the end of a transaction told it) is the fault of one of these."""
    try:
        yield
    except Failure:
        raise
    except Exception as error:
        if transaction_trouble(error):
            raise
        raise EventsFailed(events, describe(error)) from error
