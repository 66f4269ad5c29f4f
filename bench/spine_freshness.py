"""Goal 4: from the commit in one service to the effect committed in another, at 100 events a second.

The other service is a process of its own, as it is wherever it runs, and the system's monotonic clock is one for all.
Its handler leaves its row to the unit of work, as those of the services do. The relay runs either beside what commits
(a worker's own effects and timers, and everything in `lantai up`) or in a process of its own (the API's commits, where
API and worker are two). What is measured alone runs on one event loop, with the same garbage collector's settings, on
a durable database and with every acknowledgement.
"""

import asyncio
import json
import statistics
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from sqlalchemy import func, select

from bench.rig import ROUNDS, TOPIC, broker, busy, connection, database, line
from shared.bus.consumers import Consumers
from shared.bus.doorbell import Doorbell
from shared.bus.incoming import Incoming
from shared.bus.kafka import KafkaTransport
from shared.bus.relay import Relay
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.service import loop
from shared.service.heap import keep_what_is_loaded
from tests.kit.spine import COUNTERS, Counted, effects, emit

EVENTS = 600  # a round
ALONE = 200
PER_SECOND = 100
WARM_UP = 200


class Watched(Consumers):
    """Notes when the effects of each fetched batch were committed."""

    committed: dict[int, float]

    async def _settle(self, events: list[Incoming]) -> bool:
        settled = await super()._settle(events)
        now = time.perf_counter()
        for one in events:
            self.committed[Counted.model_validate_json(one.record.body).number] = now
        return settled


async def collect(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.insert(effects, {"subject": event.subject, "number": event.data.number})


async def read(url: str, bootstrap: str, group: str) -> None:
    """The other service: read until the standard input ends, then tell when the effects were committed."""
    db, transport = Database(url, "reader"), KafkaTransport(bootstrap)
    consumers = Watched(db, transport, group, {Counted: collect})
    consumers.committed = {}
    consumers.start()
    keep_what_is_loaded()
    await asyncio.to_thread(sys.stdin.read)
    await consumers.stop()
    await transport.stop()
    await db.dispose()
    print(json.dumps(consumers.committed))


async def relay(url: str, bootstrap: str) -> None:
    """The worker of the service that commits: hand its events on until the standard input ends."""
    db, transport = Database(url, "counters"), KafkaTransport(bootstrap)
    part = Relay(db, transport)
    part.start()
    keep_what_is_loaded()
    await asyncio.to_thread(sys.stdin.read)
    await part.stop()
    await transport.stop()
    await db.dispose()


async def main() -> None:
    keep_what_is_loaded()
    group = f"g-{uuid4()}"
    found: dict[str, list[float]] = {"beside": [], "apart": [], "notify": [], "log": []}
    async with database() as db, broker() as kafka, busy():
        for number in range(ROUNDS):
            new = {
                "beside": await _whole(db, kafka.bootstrap, group, 2 * number * EVENTS, beside=True),
                "notify": await _notify(db),
                "apart": await _whole(db, kafka.bootstrap, group, (2 * number + 1) * EVENTS, beside=False),
                "log": await _log(kafka.bootstrap),
            }
            if number:  # the first round warms up
                for name, kept in found.items():
                    kept += new[name]
    notify, log = statistics.median(found["notify"]), statistics.median(found["log"])
    for where in ("beside", "apart"):
        p50, p99 = statistics.median(found[where]), statistics.quantiles(found[where], n=100)[98]
        detail = f"{p50 * 1000:.1f} ms; alone: NOTIFY {notify * 1000:.1f} ms + produce→consume {log * 1000:.1f} ms"
        line(f"4  freshness p50, relay {where}", p50 / (notify + log), "≤ 1.5", detail)
        line(f"4  freshness p99, relay {where}", p99 / (notify + log), "≤ 4", f"{p99 * 1000:.1f} ms; the same sum")


async def _paced(count: int) -> None:
    """Wait for the moment of the next of `PER_SECOND`."""
    await asyncio.sleep(1 / PER_SECOND if count else 0)


@asynccontextmanager
async def _another(*arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.spine_freshness", *arguments, stdin=PIPE, stdout=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _whole(db: Database, bootstrap: str, group: str, first: int, *, beside: bool) -> list[float]:
    transport = KafkaTransport(bootstrap)
    await transport.ensure_topics([COUNTERS])
    doorbell, worker = Doorbell(db), Relay(db, transport) if beside else None
    doorbell.start()
    if worker is not None:
        worker.start()
    sent: dict[int, float] = {}
    subjects = [uuid7() for _ in range(50)]

    async def commit(number: int) -> None:
        await emit(db, subjects[number % 50], number)
        sent[number] = time.perf_counter()

    commits = set()
    async with AsyncExitStack() as processes:
        reader = await processes.enter_async_context(_another("read", db.url, bootstrap, group))
        if not beside:
            await processes.enter_async_context(_another("relay", db.url, bootstrap))
        for number in range(first, first + EVENTS):
            await _paced(number)
            commits.add(asyncio.create_task(commit(number)))
        await asyncio.gather(*commits)
        await _all_there(db, subjects)
        said, _ = await reader.communicate(b"")
    committed = {int(number): at for number, at in json.loads(said).items()}
    await doorbell.stop()
    if worker is not None:
        await worker.stop()
    await transport.stop()
    return [committed[n] - sent[n] for n in range(first + WARM_UP, first + EVENTS)]


async def _all_there(db: Database, subjects: Sequence[UUID]) -> None:
    """Wait until every event of these subjects has taken effect."""
    there = select(func.count()).select_from(effects).where(effects.c.subject.in_(subjects))
    while True:
        async with db.read() as session:
            if await session.scalar(there) == EVENTS:
                return
        await asyncio.sleep(0.1)


async def _notify(db: Database) -> list[float]:
    """From a commit on one connection, by NOTIFY after it, until the row was read on another."""
    found: list[float] = []
    async with connection(db) as speaker, connection(db) as listener:
        heard = asyncio.Event()
        await listener.add_listener("bench", lambda *_: heard.set())
        for number in range(ALONE + 50):
            await _paced(number)
            heard.clear()
            row = await speaker.fetchval(
                "INSERT INTO effects (subject, number) VALUES (gen_random_uuid(), $1) RETURNING id", number
            )
            began = time.perf_counter()
            await speaker.execute("NOTIFY bench")
            await heard.wait()
            await listener.fetch("SELECT * FROM effects WHERE id = $1", row)
            found.append(time.perf_counter() - began)
    return found[50:]


async def _log(bootstrap: str) -> list[float]:
    """One record produced and awaited at the consumer's end."""
    transport = KafkaTransport(bootstrap)
    await transport.ensure_topics([TOPIC])
    await transport.stop()
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", enable_idempotence=True)
    consumer = AIOKafkaConsumer(TOPIC.name, bootstrap_servers=bootstrap)
    await producer.start()
    await consumer.start()
    await consumer.seek_to_end()  # past the records of earlier rounds
    found: list[float] = []
    for number in range(ALONE + 50):
        await _paced(number)
        began = time.perf_counter()
        await producer.send(TOPIC.name, b"x" * 500, key=str(number).encode())
        await consumer.getone()
        found.append(time.perf_counter() - began)
    await producer.stop()
    await consumer.stop()
    return found[50:]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["read", *arguments]:
            loop.run(read(*arguments))
        case ["relay", *arguments]:
            loop.run(relay(*arguments))
        case _:
            loop.run(main())
