"""The relay: moves committed events from the outbox to the log, in order per key, at least once.

One relay per service and shard is active, the one whose session holds an advisory lock; the others stand by. The
lock's session also reads and marks the rows, so a relay that lost its lock can do neither: a stopped process
(SIGSTOP) loses the session by `idle_session_timeout`, and with it the lock. What such a process still had on the
wire arrives a second time, behind its first occurrence, and the inbox drops it. Not so in a compacted topic, which
keeps the last: there the relay begins as the sole publisher of its name, and reads the rows only then, on the session
that holds the lock. Either that reading fails, or what an earlier relay still has can no longer be appended.
"""

import asyncio
import time
import zlib
from collections.abc import Collection, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

import asyncpg
import structlog

from shared.bus.outbox import CHANNEL, FEW_ROWS, OutboxRow, Shard, mark_published, refuse, unpublished
from shared.bus.transport import (
    Publisher,
    RecordRefused,
    SolePublisherNeeded,
    TopicMissing,
    Transport,
    TransportUnavailable,
)
from shared.db import direct
from shared.db.engine import Database
from shared.db.retry import Backoff
from shared.telemetry.health import Health, Pulse
from shared.telemetry.lasting import Lasting
from shared.telemetry.metrics import Metrics
from shared.telemetry.reasons import in_words

log = structlog.get_logger(__name__)
RELAY_LOCK = zlib.crc32(b"lantai relay") & 0x7FFFFFFF
ILL_AFTER_SECONDS = 15.0
Answer = TypeVar("Answer")


class Relay:
    """Runs between `start` and `stop`. `lease_seconds` is how long a silent holder keeps the lock."""

    def __init__(
        self,
        db: Database,
        transport: Transport,
        metrics: Metrics | None = None,
        *,
        shard: Shard = Shard(),
        batch_rows: int = 1000,
        poll_seconds: float = 1.0,
        lease_seconds: float = 10.0,
        publish_seconds: float = 30.0,
    ) -> None:
        self._db = db
        self._transport = transport
        self._shard = shard
        self._name = f"lantai.{db.service}.relay.{shard.number}"
        self._batch_rows = batch_rows
        self._few = min(batch_rows, FEW_ROWS)
        self._marked = 0  # of the batch at hand
        self._poll_seconds = min(poll_seconds, lease_seconds / 3)
        self._lease_seconds = lease_seconds
        self._publish_seconds = publish_seconds
        self._backoff = Backoff()
        self._missing: frozenset[str] = frozenset()  # topics that the log lacked when it was last asked
        self._left_out: frozenset[str] = frozenset()  # those of them that the batch at hand was read without
        self._ask_again_at = 0.0
        self._ask_again = Backoff(1.0, 15.0)
        self._woken = asyncio.Event()
        self._relaying = False
        db.on_commit(self._wake)
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._away = Lasting()
        self._lost = Lasting()
        self._pulse = Pulse("relay", ILL_AFTER_SECONDS)
        metrics = metrics or Metrics(db.service)
        self._published = metrics.counter("relay_published", "Events handed to the log and acknowledged")
        self._failures = metrics.counter("relay_failures", "Batches that the log did not acknowledge whole")
        self._topics_missing = metrics.gauge("relay_topics_missing", "Topics with events that the log lacks")
        self._active = metrics.gauge("relay_active", "1 while this process holds the relay's lock")

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"relay-{self._db.service}-{self._shard.number}")

    def _wake(self) -> bool:
        """Look at once at what this process committed; False when others have to be told, by NOTIFY."""
        self._woken.set()
        return self._relaying and self._shard.of == 1

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Finish the batch at hand if the log answers in time, else leave it to the next relay."""
        self._stopping.set()
        self._woken.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace_seconds)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=3)

    def health(self) -> Health:
        if self._missing:
            return Health("relay", False, f"{TopicMissing(self._missing)}: `lantai migrate` creates it; events wait")
        return self._pulse.health(running=self._task is not None and not self._task.done())

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._session()
            except direct.UNREACHABLE as gone:
                reason = in_words(gone, repr(gone))
                self._pulse.trouble(f"database: {reason}")
                if self._lost.to_be_told(reason):
                    log.warning("relay lost its session", service=self._db.service, reason=reason)
                await self._sleep(self._backoff.pause())
            except Exception as error:  # whatever it is, the rows are still there: say so and go on
                self._pulse.trouble(repr(error))
                log.exception("relay failed", service=self._db.service)
                await self._sleep(self._backoff.pause())

    async def _session(self) -> None:
        # A mark that a crash of the server loses only publishes its event again, so it does not wait for the disk.
        connection = await direct.connect(
            self._db.url,
            f"lantai-{self._db.service}-relay",
            idle_session_timeout_seconds=self._lease_seconds,
            durable=False,
        )
        try:
            await connection.add_listener(CHANNEL, lambda *_: self._woken.set())
            while not await connection.fetchval(
                "SELECT pg_try_advisory_lock($1::int, $2::int)", RELAY_LOCK, self._shard.number
            ):
                self._in_session()
                self._pulse.beat()
                await self._sleep(self._poll_seconds)
                if self._stopping.is_set():
                    return
            self._in_session()
            self._active.set(1)
            self._relaying = True
            await self._relay(connection)
        finally:
            self._relaying = False
            self._active.set(0)
            await direct.close(connection)

    def _in_session(self) -> None:
        if self._lost.ended():
            log.info("relay has a session again", service=self._db.service)

    async def _relay(self, connection: asyncpg.Connection) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            # Read on the session that holds the lock: if it answers, the lock is still ours.
            self._left_out = self._missing if time.monotonic() < self._ask_again_at else frozenset()
            self._marked = 0
            rows = await self._read(connection)
            if rows and not await self._hand_over(connection, rows, self._transport):
                self._failures.inc()
                await self._pause(connection, self._backoff.pause())
                continue
            self._pulse.beat()
            self._backoff.reset()
            if self._marked == len(rows) < self._few:  # all that there were, unless we were told of others meanwhile
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_seconds):
                        await self._woken.wait()

    async def _read(self, connection: asyncpg.Connection) -> list[OutboxRow]:
        few = await unpublished(connection, self._shard, self._few, self._left_out)
        if len(few) < self._few or self._few == self._batch_rows:  # as most often; to read many is more work
            return few
        return await unpublished(connection, self._shard, self._batch_rows, self._left_out)

    async def _hand_over(self, connection: asyncpg.Connection, rows: list[OutboxRow], publisher: Publisher) -> bool:
        """Publish and mark one batch; tell whether the log took all of it."""
        publish = publisher.publish([row.record for row in rows], timeout_seconds=self._publish_seconds)
        try:
            await self._meanwhile_alive(connection, publish)
        except RecordRefused as refusal:
            if refusal.index:  # what comes before it is published first: its key waits behind it, not before
                before = rows[: refusal.index]
                if publisher is self._transport:
                    return await self._hand_over(connection, before, publisher)
                # A sole publisher takes nothing after an error.
                return await self._hand_over_alone(connection, {row.record.topic for row in before}, before[-1].id)
            log.error("event refused by the log", outbox_id=rows[refusal.index].id, reason=str(refusal))
            await refuse(connection, rows[refusal.index], str(refusal))
            return True
        except TopicMissing as missing:
            self._note_missing(missing)
            return True
        except SolePublisherNeeded as needed:
            others = [row for row in rows if row.record.topic not in needed.topics]
            went = not others or await self._hand_over(connection, others, publisher)
            return await self._hand_over_alone(connection, needed.topics) and went
        except TransportUnavailable as away:
            self._note_away(away)
            await self._mark(connection, [rows[index] for index in sorted(away.acknowledged)])
            return False
        if self._away.ended():
            log.info("log is back", service=self._db.service)
        await self._mark(connection, rows)
        if self._missing & {row.record.topic for row in rows}:
            self._note_missing(None)
        return True

    async def _hand_over_alone(
        self, connection: asyncpg.Connection, topics: Collection[str], last_id: int | None = None
    ) -> bool:
        """Publish what these compacted topics are to get, to one row or all, as their sole publisher.

        Tell whether the log took it all.
        """
        try:
            async with AsyncExitStack() as stack:
                begin = stack.enter_async_context(self._transport.sole_publisher(self._name))
                publisher = await self._meanwhile_alive(connection, begin)
                # Only now: what was read before may have been published since, by the relay that has the lock by now.
                rows = [row for row in await self._read(connection) if row.record.topic in topics]
                rows = [row for row in rows if last_id is None or row.id <= last_id]
                return not rows or await self._hand_over(connection, rows, publisher)
        except TransportUnavailable as away:
            self._note_away(away)
            return False

    def _note_away(self, away: TransportUnavailable) -> None:
        self._pulse.trouble(str(away))
        if self._away.to_be_told():
            log.warning("log is away", service=self._db.service, reason=str(away), acknowledged=len(away.acknowledged))

    def _note_missing(self, missing: TopicMissing | None) -> None:
        """Leave out the topics that are not there, and ask for them again after a growing pause."""
        self._missing = self._left_out | missing.topics if missing else frozenset()
        self._topics_missing.set(len(self._missing))
        if missing is None:
            self._ask_again.reset()
        else:
            self._ask_again_at = time.monotonic() + self._ask_again.pause()
            log.error("no such topic, its events wait", service=self._db.service, topics=sorted(missing.topics))

    async def _mark(self, connection: asyncpg.Connection, rows: list[OutboxRow]) -> None:
        if rows:
            await mark_published(connection, rows)
            self._marked += len(rows)
            self._published.inc(len(rows))

    async def _meanwhile_alive(self, connection: asyncpg.Connection, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Wait for the log while the lock's session is kept alive; losing the session stops the work."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        keeping: list[asyncio.Task[None]] = []  # begun when the log has taken its time: most often it does not
        async with asyncio.timeout(None) as limit:
            timer = loop.call_later(
                self._lease_seconds / 3, lambda: keeping.append(loop.create_task(self._keep(connection, done, limit)))
            )
            try:
                return await work
            finally:
                timer.cancel()
                done.set()
                if keeping:
                    await keeping[0]  # raises why the session is lost; else the next question needs an idle session

    async def _keep(self, connection: asyncpg.Connection, done: asyncio.Event, work: asyncio.Timeout) -> None:
        """Say now and then that the lock's session is alive; stop the work when it is not."""
        waited = 0.0
        try:
            while not done.is_set():
                waited += self._lease_seconds / 3
                self._pulse.trouble(f"the log has acknowledged nothing of this batch for {waited:.0f} s")
                await connection.fetchval("SELECT 1")
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._lease_seconds / 3):
                        await done.wait()
        except Exception:
            if not done.is_set():
                work.reschedule(asyncio.get_running_loop().time())
            raise

    async def _pause(self, connection: asyncpg.Connection, seconds: float) -> None:
        """Wait, keeping the lock's session alive."""
        while seconds > 0 and not self._stopping.is_set():
            await self._sleep(min(seconds, self._lease_seconds / 3))
            await connection.fetchval("SELECT 1")
            seconds -= self._lease_seconds / 3

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
