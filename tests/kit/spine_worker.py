"""A child process for crash tests: one part of the spine, which kills or stops itself at a named point if told so.

Run as `python -m tests.kit.spine_worker ROLE`, told by the environment: SOURCE_URL and TARGET_URL (databases of the
producing and of the consuming service), BUS (`embedded URL` or `kafka BOOTSTRAP`), COUNTERS_TOPIC,
KILL_AT or STOP_AT (`point:hit`; SIGKILL, SIGSTOP), POISON (a number whose handler always fails), FAILING_SHARE (of the
handler's calls).
The failpoints live here, around the product's parts, never in the product.
"""

import asyncio
import os
import random
import signal
import sys
from collections import Counter as Tally
from collections.abc import AsyncIterator, Awaitable, Collection, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from sqlalchemy import insert

from shared.bus import effects as effects_module
from shared.bus import relay as relay_module
from shared.bus import retries as retries_module
from shared.bus.consumers import Consumers
from shared.bus.dead_letters import bury_event
from shared.bus.doorbell import Doorbell
from shared.bus.embedded import EmbeddedTransport
from shared.bus.incoming import Incoming
from shared.bus.kafka import KafkaTransport
from shared.bus.outbox import OutboxRow, mark_published
from shared.bus.parked import Head, park
from shared.bus.relay import Relay
from shared.bus.transport import Delivered, Position, Publisher, Record, Subscription, Transport
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.retry import RetryPolicy
from shared.db.sessions import WriteSession
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Topic
from shared.service import loop
from shared.timers import DueTimer, Scheduler
from tests.kit.spine import AGENCY, COUNTERS, SYSTEM, Counted, PoisonedEvent, effects

EMBEDDED_LEASE_SECONDS = 2.0
KAFKA_SESSION_SECONDS = 6.0
RELAY_LEASE_SECONDS = 3.0
GROUP = f"group-of-{COUNTERS.name}"
RETRIES = RetryPolicy((timedelta(milliseconds=100),) * 5)
POISON = int(os.environ.get("POISON", "0"))
FAILING_SHARE = float(os.environ.get("FAILING_SHARE", "0"))

_point, _, _hit = (os.environ.get("KILL_AT") or os.environ.get("STOP_AT", "")).partition(":")
_blow = signal.SIGSTOP if os.environ.get("STOP_AT") else signal.SIGKILL
_hits: Tally[str] = Tally()
_on_the_wire: list["asyncio.Future[None]"] = []


def failpoint(name: str) -> None:
    """Die or freeze here and now, if this is the point and the hit that we were told."""
    _hits[name] += 1
    if name == _point and _hits[name] == int(_hit or 1):
        os.kill(os.getpid(), _blow)


def _worked() -> None:
    """Say, once, that this part has done some of its work: a test that is to disturb it at work waits for that."""
    if not _hits["worked"]:
        print("worked", flush=True)
    _hits["worked"] += 1


class MortalSubscription:
    """Dies before or after the position is committed."""

    def __init__(self, inner: Subscription) -> None:
        self._inner = inner

    async def fetch(self, max_records: int, timeout_seconds: float) -> list[Delivered]:
        return await self._inner.fetch(max_records, timeout_seconds)

    async def commit(self, records: Iterable[Delivered]) -> None:
        failpoint("before_position")
        await self._inner.commit(records)
        _worked()
        failpoint("after_position")

    async def seek(self, positions: Iterable[Position]) -> None:
        await self._inner.seek(positions)

    async def seek_to_time(self, at: datetime) -> None:
        await self._inner.seek_to_time(at)

    async def lag(self) -> dict[tuple[str, int], int]:
        return await self._inner.lag()

    async def absent(self) -> frozenset[str]:
        return await self._inner.absent()

    async def missed(self) -> dict[str, int]:
        return await self._inner.missed()


async def _send(publishing: Awaitable[None]) -> None:
    """Publish. Who is to freeze has it on the wire then: the relay, however soon it learns, cannot call it back."""
    if _blow is signal.SIGSTOP:
        publishing = asyncio.ensure_future(publishing)
        _on_the_wire.append(publishing)
        await asyncio.shield(publishing)
    else:
        await publishing
    _worked()


class MortalPublisher:
    """Dies before, in the middle of, or after a publish as the sole publisher."""

    def __init__(self, inner: Publisher) -> None:
        self._inner = inner

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        failpoint("before_sole_publish")
        if _point == "mid_sole_publish":
            await self._inner.publish(records[: len(records) // 2], timeout_seconds)
            failpoint("mid_sole_publish")
        await _send(self._inner.publish(records, timeout_seconds))
        failpoint("after_sole_publish")


class MortalTransport:
    """Dies before, in the middle of, or after a publish."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner

    async def start(self) -> None:
        await self._inner.start()

    async def stop(self) -> None:
        await self._inner.stop()

    async def check(self) -> None:
        await self._inner.check()

    async def ensure_topics(self, topics: Iterable[Topic]) -> None:
        await self._inner.ensure_topics(topics)

    async def empty(self, topics: Iterable[str]) -> frozenset[str]:
        return await self._inner.empty(topics)

    async def rewind(self, group: str, topics: Collection[str], at: datetime | None) -> dict[str, int]:
        return await self._inner.rewind(group, topics, at)

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        failpoint("before_publish")
        if _point == "mid_publish":
            await self._inner.publish(records[: len(records) // 2], timeout_seconds)
            failpoint("mid_publish")
        await _send(self._inner.publish(records, timeout_seconds))
        failpoint("after_publish")

    @asynccontextmanager
    async def sole_publisher(self, name: str) -> AsyncIterator[Publisher]:
        async with self._inner.sole_publisher(name) as inner:
            failpoint("after_begin")
            try:
                yield MortalPublisher(inner)
            finally:
                await asyncio.gather(*_on_the_wire, return_exceptions=True)

    def subscribe(self, group: str, topics: Iterable[str]) -> AbstractAsyncContextManager[Subscription]:
        return self._subscription(group, list(topics))

    @asynccontextmanager
    async def _subscription(self, group: str, topics: list[str]) -> AsyncIterator[Subscription]:
        async with self._inner.subscribe(group, topics) as inner:
            yield MortalSubscription(inner)


def transport_of(bus: str) -> Transport:
    kind, _, address = bus.partition(" ")
    if kind == "kafka":
        return KafkaTransport(address, session_timeout_seconds=KAFKA_SESSION_SECONDS)
    return EmbeddedTransport(address, lease_seconds=EMBEDDED_LEASE_SECONDS)


async def on_counted(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    """Fails for a share of its calls, and whenever the number is POISON: before or after it has done its work."""
    fails = event.data.number == POISON or random.random() < FAILING_SHARE
    if fails and random.random() < 0.5:
        raise PoisonedEvent("before it has done anything")
    await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))
    if fails:
        failpoint("failing")
        raise PoisonedEvent("after its work")
    failpoint("in_handler")


async def on_timer(uow: UnitOfWork, timer: DueTimer) -> None:
    await uow.session.execute(insert(effects).values(subject=timer.subject, number=timer.payload["n"]))
    uow.emit(Counted(number=timer.payload["n"]), subject=timer.subject, agency_id=AGENCY)
    failpoint("in_timer")
    _worked()


async def _mark(connection: asyncpg.Connection, rows: Sequence[OutboxRow]) -> None:
    failpoint("before_mark")
    await mark_published(connection, rows)
    failpoint("after_mark")


async def _park(uow: UnitOfWork, event: Incoming, error: str, pause: timedelta) -> None:
    await park(uow, event, error, pause)
    failpoint("after_park")


async def _bury(session: WriteSession, head: Head, attempts: int, error: str) -> None:
    failpoint("before_letter")
    await bury_event(session, head, attempts, error)
    failpoint("after_letter")


async def _produce(db: Database) -> None:
    """Commit one unit of work after the other and say so; a refused one is not repeated under the same number."""
    subjects = [uuid7() for _ in range(int(os.environ.get("SUBJECTS", "10")))]
    pause = float(os.environ.get("PAUSE_SECONDS", "0"))
    numbers: Tally[Any] = Tally()
    for _ in range(int(os.environ.get("COMMITS", "100"))):
        subject = random.choice(subjects)
        numbers[subject] += 1
        try:
            async with asyncio.timeout(5), db.write(SYSTEM) as uow:
                uow.emit(Counted(number=numbers[subject]), subject=subject, agency_id=AGENCY)
                await uow.flush()
                failpoint("after_insert")
        except Exception as refused:
            print(f"refused {type(refused).__name__}", file=sys.stderr, flush=True)
            await asyncio.sleep(0.2)
            continue
        failpoint("after_commit")
        print(f"ack {subject} {numbers[subject]}", flush=True)
        await asyncio.sleep(pause)


async def main(role: str) -> None:
    """Run one part until SIGTERM (a producer: until it is done)."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = Database(os.environ["TARGET_URL" if role == "consumer" else "SOURCE_URL"], "tests")
    if role == "producer":
        doorbell = Doorbell(database)
        doorbell.start()
        await _produce(database)
        await doorbell.stop()
    elif role == "api":
        from tests.kit.spine_api import serve  # the other roles start without a web framework

        await serve(database.url, int(os.environ["API_PORT"]))
    elif role == "timers":
        await _run(stop, Scheduler(database, {"due": on_timer}, poll_seconds=0.2))
    else:
        transport = MortalTransport(transport_of(os.environ["BUS"]))
        await transport.start()
        for module, name, mortal in (
            (relay_module, "mark_published", _mark),
            (effects_module, "park", _park),
            (retries_module, "bury_event", _bury),
        ):
            setattr(module, name, mortal)
        part: Any
        if role == "relay":
            part = Relay(database, transport, lease_seconds=RELAY_LEASE_SECONDS, batch_rows=50, poll_seconds=0.2)
        else:
            part = Consumers(
                database,
                transport,
                GROUP,
                {Counted: on_counted},
                fetch_records=50,
                retries=RETRIES,
                retry_poll_seconds=0.1,
            )
        await _run(stop, part)
        await transport.stop()
    await database.dispose()


async def _run(stop: asyncio.Event, part: Any) -> None:
    part.start()
    print("started", flush=True)
    await stop.wait()
    await part.stop()


if __name__ == "__main__":
    loop.run(main(sys.argv[1]))
