"""The consumers of one group: each event takes effect exactly once, in order per key.

A fetched batch is settled first (`settling.py`): every event has its effect, or its place among the parked. Only then
is the group's position moved, so a crash at any point delivers again what the inbox then drops.
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress

import structlog

from shared.bus.dispatch import Dispatcher, Handler
from shared.bus.incoming import Incoming, incoming
from shared.bus.passed_over import PassedOver
from shared.bus.read_ahead import ReadAhead
from shared.bus.retries import Retries
from shared.bus.settling import Settling
from shared.bus.transport import Delivered, PositionLost, Subscription, TopicMissing, Transport, TransportUnavailable
from shared.db.engine import Database
from shared.db.retry import Backoff, RetryPolicy
from shared.db.trouble import describe, transaction_trouble
from shared.events import Event
from shared.telemetry.health import Health, Pulse
from shared.telemetry.lasting import Lasting
from shared.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
FETCH_SECONDS = 0.5
COMMIT_SECONDS = 0.2
LAG_SECONDS = 5.0
ILL_AFTER_SECONDS = 20.0
REJOIN_AFTER_SECONDS = 60.0
Fetched = tuple[list[Delivered], list[Incoming]]


class Consumers:
    """Runs between `start` and `stop`: reads the topics of `handlers` as one member of `group`."""

    def __init__(
        self,
        db: Database,
        transport: Transport,
        group: str,
        handlers: Mapping[type[Event], Handler],
        metrics: Metrics | None = None,
        *,
        retries: RetryPolicy = RetryPolicy(),
        fetch_records: int = 500,
        events_per_transaction: int = 500,
        handler_seconds: float = 30.0,
        retry_poll_seconds: float = 0.5,
    ) -> None:
        metrics = metrics or Metrics(db.service)
        self._db = db
        self._transport = transport
        self._group = group
        self._dispatcher = Dispatcher(handlers, handler_seconds)
        self._retries = Retries(db, self._dispatcher, retries, metrics, poll_seconds=retry_poll_seconds)
        self._settling = Settling(
            db,
            self._dispatcher,
            metrics,
            largest_transaction=events_per_transaction,
            first_pause=retries.pauses[0],
        )
        self._passed_over = PassedOver(metrics, group, self._dispatcher.known)
        self._fetch_records = fetch_records
        self._backoff = Backoff()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._pulse = Pulse("consumers", ILL_AFTER_SECONDS)
        self._away = Lasting()
        self._lag = metrics.gauge("consumer_lag", "Records between position and end of the log", ("topic",))
        self._missed = metrics.counter("consumer_records_missed", "Records that expired unread", ("topic",))
        self._topics_missing = metrics.gauge("consumer_topics_missing", "Topics to read that the log lacks")
        self._missing: dict[str, int] = {}
        self._absent: frozenset[str] = frozenset()
        self._lag_due = 0.0
        self._commit_due = 0.0
        self._settled: dict[tuple[str, int], Delivered] = {}  # the newest of each partition, its position not yet moved

    def start(self) -> None:
        if self._dispatcher.topics:
            self._task = asyncio.create_task(self._run(), name=f"consumers-{self._group}")
            self._retries.start()

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Finish the batch at hand and move the position; what is left is delivered again to the next member."""
        self._stopping.set()
        await asyncio.gather(self._retries.stop(grace_seconds), self._stop_reading(grace_seconds))

    async def _stop_reading(self, grace_seconds: float) -> None:
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace_seconds)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=3)

    def health(self) -> Health:
        if not self._dispatcher.topics:
            return Health("consumers", True)
        if self._missing:
            lost = ", ".join(f"{records} of {topic}" for topic, records in sorted(self._missing.items()))
            return Health("consumers", False, f"records expired before they were read: {lost}; restart when settled")
        if self._absent:
            told = f"{TopicMissing(self._absent)}: `lantai migrate` creates it; the others are read"
            return Health("consumers", False, told)
        return self._pulse.health(running=self._task is not None and not self._task.done())

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                async with self._transport.subscribe(self._group, self._dispatcher.topics) as subscription:
                    await self._consume(subscription)
            except TransportUnavailable as away:
                self._log_away(away)
            except Exception as error:  # nothing was committed: say so, join again, and the log delivers again
                self._pulse.trouble(repr(error))
                self._lag.clear()
                log.exception("consumers failed", group=self._group)
            await self._sleep(self._backoff.pause())

    async def _consume(self, subscription: Subscription) -> None:
        self._settled = {}
        ahead = ReadAhead(lambda: self._fetch(subscription))
        try:
            while not self._stopping.is_set():
                try:
                    await self._consume_batch(subscription, ahead)
                except TransportUnavailable as away:
                    self._log_away(away)
                    if self._pulse.silent_seconds > REJOIN_AFTER_SECONDS:
                        raise
                    await self._sleep(self._backoff.pause())
        finally:
            await ahead.close()
        await self._commit(subscription, at_once=True)

    async def _fetch(self, subscription: Subscription) -> Fetched:
        batch = await subscription.fetch(self._fetch_records, FETCH_SECONDS)
        events = incoming(batch, self._dispatcher.known)
        if len(events) < len(batch):
            self._passed_over.note(batch)
        return batch, events

    async def _consume_batch(self, subscription: Subscription, ahead: ReadAhead[Fetched]) -> None:
        batch, events = await ahead.next()
        if 2 * len(batch) >= self._fetch_records:  # more is waiting
            ahead.begin()
        if batch and await self._settle(events):
            self._settled |= {(one.record.topic, one.partition): one for one in batch}
        await ahead.idle()
        await self._commit(subscription, at_once=not batch)
        await self._watch_lag(subscription)

    def _log_away(self, away: TransportUnavailable) -> None:
        self._pulse.trouble(str(away))
        self._lag.clear()  # nobody knows how far behind we are now
        if self._away.to_be_told():
            log.warning("log is away", group=self._group, reason=str(away))

    async def _commit(self, subscription: Subscription, *, at_once: bool) -> None:
        """Move the position past what is settled, some times a second: it saves work after a crash, nothing else."""
        if not self._settled or not (at_once or time.monotonic() >= self._commit_due):
            return
        self._commit_due = time.monotonic() + COMMIT_SECONDS
        try:
            await subscription.commit(self._settled.values())
        except PositionLost as lost:
            log.info("partition went to another member; it will find the work done", reason=str(lost))
        self._settled = {}
        self._pulse.beat()
        self._backoff.reset()

    async def _watch_lag(self, subscription: Subscription) -> None:
        """Ask how far behind we are; a log that is away answers nothing else, so this is also the sign of life."""
        if time.monotonic() < self._lag_due:
            return
        self._lag_due = time.monotonic() + LAG_SECONDS
        self._note_absent(await subscription.absent())
        behind = dict.fromkeys(self._dispatcher.topics, 0)
        for (topic, _), records in (await subscription.lag()).items():
            behind[topic] += records
        self._lag.clear()
        for topic in behind.keys() - self._absent:
            self._lag.labels(topic).set(behind[topic])
        for topic, records in (await subscription.missed()).items():
            log.error("records expired before they were read", group=self._group, topic=topic, records=records)
            self._missed.labels(topic).inc(records)
            self._missing[topic] = self._missing.get(topic, 0) + records
        if self._away.ended():
            log.info("log is back", group=self._group)
        self._pulse.beat()

    def _note_absent(self, topics: frozenset[str]) -> None:
        self._topics_missing.set(len(topics))
        if gone := topics - self._absent:
            log.error("no such topic, the others are read", group=self._group, topics=sorted(gone))
        if there := self._absent - topics:
            log.info("topic is there", group=self._group, topics=sorted(there))
        self._absent = topics

    async def _settle(self, events: list[Incoming]) -> bool:
        """Settle every event, however long the database takes; False when we were told to stop before that."""
        backoff, away = Backoff(), Lasting()
        while events:
            try:
                events = events[await self._settling.settle_some(events) :]
                backoff.reset()
                if away.ended():
                    log.info("batch goes on", group=self._group)
            except Exception as error:
                if not transaction_trouble(error):
                    raise
                reason = describe(error)
                self._pulse.trouble(f"database: {reason}")
                self._lag.clear()
                if away.to_be_told(reason):
                    log.warning("database in trouble, batch waits", group=self._group, reason=reason)
                await self._sleep(backoff.pause())
                if self._stopping.is_set():
                    return False
        return True

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
