"""Tries parked keys again, with growing pauses kept in their rows, until they go on or become dead letters."""

import asyncio
from contextlib import suppress

import structlog

from shared.bus.dead_letters import bury_event
from shared.bus.dispatch import Dispatcher, EventsFailed, Failure
from shared.bus.parked import Head, Place, advance, alone, due, failed_again, take_head
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.suspects import Suspects
from shared.db.trouble import describe, transaction_trouble
from shared.db.uow import Actor, UnitOfWork
from shared.events import MalformedEvent, UnknownEventType, decode
from shared.telemetry.lasting import Lasting
from shared.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
KEYS_PER_SWEEP = 50
PAUSES_OF_UNREADABLE = 3  # the usual ones last 36 seconds


class Retries:
    """A loop beside the consumers; several processes may run it, each key is tried by one at a time."""

    def __init__(
        self, db: Database, dispatcher: Dispatcher, policy: RetryPolicy, metrics: Metrics, *, poll_seconds: float
    ) -> None:
        self._db = db
        self._dispatcher = dispatcher
        self._policy = policy
        self._poll_seconds = poll_seconds
        self._suspects = Suspects(db)
        self._away = Lasting()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._retried = metrics.counter("consumer_retries", "Attempts on parked keys, by outcome", ("outcome",))

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"retries-{self._db.service}")

    async def stop(self, grace_seconds: float) -> None:
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace_seconds)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=3)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.sweep()
                if self._away.ended():
                    log.info("retries go on", service=self._db.service)
            except Exception as error:  # the rows keep their times: whatever it is, the next sweep finds them
                reason = describe(error)
                if self._away.to_be_told(reason):
                    log.warning("retries wait", service=self._db.service, reason=reason)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._poll_seconds)

    async def sweep(self) -> None:
        """Try every key that is due, once or as long as its events succeed."""
        async with self._db.read() as session:
            places = await due(session, KEYS_PER_SWEEP)
        self._suspects.keep(places)
        for place in places:
            try:
                while not self._stopping.is_set() and await self._attempt(place):
                    pass
            except Exception as error:  # a database's trouble with one key is not yet the others'
                log.warning("retry waits", service=self._db.service, topic=place[0], reason=describe(error))

    async def _attempt(self, place: Place) -> bool:
        """Try the key's first event; tell whether another one is due at once."""
        head: Head | None = None
        try:
            async with self._db.write(Actor.system(self._db.service), alone(place)) as uow:
                head = await take_head(uow, place)
                if head is None:
                    return False
                outcome, more = await self._handle(uow, place, head)
        except Exception as error:
            if head is None:
                raise
            if transaction_trouble(error) and not await self._suspects.blamed(place):
                raise
            told = error.error if isinstance(error, Failure) else describe(error)
            async with self._db.write(Actor.system(self._db.service)) as uow:
                outcome, more = await self._failed(uow, place, head, told)
        self._retried.labels(outcome).inc()
        return more

    async def _handle(self, uow: UnitOfWork, place: Place, head: Head) -> tuple[str, bool]:
        """Return the outcome, and whether another event is due at once."""
        try:
            await self._dispatcher.handle(uow, [head.incoming])
        except EventsFailed as failed:
            if not failed.harmless:
                raise
            return await self._failed(uow, place, head, failed.error)
        await uow.flush()
        return "handled", not await advance(uow.session, place, head.id)

    def _policy_of(self, head: Head) -> RetryPolicy:
        """What cannot be read heals only by another release: a person should know of it soon."""
        try:
            decode(head.incoming.record.headers, head.incoming.record.body, self._dispatcher.known)
        except (MalformedEvent, UnknownEventType):
            return RetryPolicy(self._policy.pauses[:PAUSES_OF_UNREADABLE])
        return self._policy

    async def _failed(self, uow: UnitOfWork, place: Place, head: Head, error: str) -> tuple[str, bool]:
        attempts = head.attempts + 1
        pause = self._policy_of(head).pause_after(attempts)
        if not await failed_again(uow, place, head, error, pause):
            return "counted elsewhere", False
        if pause is not None:
            return "failed", False
        await bury_event(uow.session, head, attempts, error)
        topic, key = place
        event_id = str(head.incoming.event_id)
        log.error("event is a dead letter", service=uow.service, topic=topic, key=key, event_id=event_id, error=error)
        return "dead", False
