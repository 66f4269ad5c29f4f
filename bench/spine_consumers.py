"""Goal 7: consumer effects, against one transaction per message and against bare reading and inserting.

Three handlers are measured: one that takes neighbouring events together and writes their rows in one statement, one
that takes events singly and leaves its row to the unit of work's flush, and one that executes its own statement per
event. The poison is in the second: a handler that raises. All of them, the bare reader too, run on the event loop and
with the garbage collector's settings of a worker.
"""

import os
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer
from sqlalchemy import insert

from bench.rig import broker, connection, database, interleaved, line, reached
from shared.bus.consumers import Consumers
from shared.bus.dispatch import Handler, InBatches
from shared.bus.kafka import KafkaTransport
from shared.bus.transport import Record
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import Envelope, encode
from shared.service import loop
from shared.service.heap import keep_what_is_loaded
from shared.telemetry.metrics import Metrics
from tests.kit.spine import AGENCY, COUNTERS, Counted, PoisonedEvent, effects

EVENTS = int(os.environ.get("BENCH_EVENTS", "100000"))
NOW = datetime(2026, 11, 22, tzinfo=UTC)
ONE_BY_ONE = 1_000
POISON_EVERY = 1_000
LOOK_SECONDS = 0.005  # reading a metric is work: more often, and the look itself is measured


async def together(uow: UnitOfWork, events: Sequence[Envelope[Counted]]) -> None:
    uow.insert(effects, *({"subject": event.subject, "number": event.data.number} for event in events))


async def collect(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    uow.insert(effects, {"subject": event.subject, "number": event.data.number})


async def execute(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))


async def poisoned(uow: UnitOfWork, event: Envelope[Counted]) -> None:
    if event.data.number % POISON_EVERY == POISON_EVERY // 2:
        raise PoisonedEvent
    await collect(uow, event)


async def main() -> None:
    keep_what_is_loaded()
    async with database() as db, broker() as kafka:
        transport = KafkaTransport(kafka.bootstrap)
        await transport.ensure_topics([COUNTERS])
        await _publish(transport)

        def ours(handler: Handler, count: int = EVENTS, largest: int = 500) -> Callable[[], Awaitable[float]]:
            return lambda: _consume(db, transport, handler, count, largest)

        found = await interleaved(
            {
                "together": ours(InBatches(together)),
                "singly": ours(collect),
                "poisoned": ours(poisoned),
                "statements": ours(execute, 5 * ONE_BY_ONE),
                "one by one": ours(collect, ONE_BY_ONE, 1),
                "bare": lambda: _bare(db, kafka.bootstrap),
            }
        )
        await transport.stop()
    rate = {name: median for name, (median, _) in found.items()}
    detail = f"{rate['together']:,.0f}/s (±{found['together'][1]:.0%}); one by one {rate['one by one']:,.0f}/s"
    line("7  consumers ÷ one by one", rate["together"] / rate["one by one"], "≥ 20", detail)
    bare = f"bare {rate['bare']:,.0f}/s (±{found['bare'][1]:.0%})"
    line("7  consumers ÷ bare", rate["together"] / rate["bare"], "≥ 0.5", bare)
    line("7  (handled singly) ÷ bare", rate["singly"] / rate["bare"], "no target", f"{rate['singly']:,.0f}/s")
    line("7  (a statement per event) ÷ bare", rate["statements"] / rate["bare"], "no target", "")
    line("7  cost of a poison per 1,000", 1 - rate["poisoned"] / rate["singly"], "< 0.10", "")


async def _publish(transport: KafkaTransport) -> None:
    subjects = [uuid7() for _ in range(EVENTS)]
    for start in range(0, EVENTS, 1000):
        records = []
        for number in range(start, start + 1000):
            envelope = Envelope(uuid7(), "/bench", subjects[number], NOW, AGENCY, Counted(number=number))
            key, headers, body = encode(envelope)
            records.append(Record(COUNTERS.name, key, headers, body))
        await transport.publish(records)


async def _empty(db: Database) -> None:
    async with connection(db) as c:
        await c.execute("TRUNCATE effects, inbox, parked_keys, parked_events, dead_letters")
        await c.execute("CHECKPOINT")


async def _consume(db: Database, transport: KafkaTransport, handler: Handler, count: int, largest: int) -> float:
    """Events per second from the first effect to the last, so that joining the group is not measured."""
    await _empty(db)
    metrics = Metrics("bench")
    consumers = Consumers(db, transport, f"g-{uuid4()}", {Counted: handler}, metrics, events_per_transaction=largest)

    def done() -> float:
        found = [
            metrics.registry.get_sample_value("lantai_consumer_events_total", {"outcome": outcome})
            for outcome in ("handled", "failed")
        ]
        return sum(value or 0 for value in found)

    consumers.start()
    await reached(lambda: done() > 0, LOOK_SECONDS)
    first, began = done(), time.perf_counter()
    await reached(lambda: done() >= count, LOOK_SECONDS)
    took = time.perf_counter() - began
    await consumers.stop()
    return (done() - first) / took


async def _bare(db: Database, bootstrap: str) -> float:
    consumer = AIOKafkaConsumer(
        COUNTERS.name,
        bootstrap_servers=bootstrap,
        group_id=f"g-{uuid4()}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await _empty(db)
    await consumer.start()
    read, began, first = 0, 0.0, 0
    async with connection(db) as c:
        while read < EVENTS:
            parts = await consumer.getmany(timeout_ms=500, max_records=500)
            rows = [
                (UUID(message.key.decode()), Counted.model_validate_json(message.value).number)
                for part in parts.values()
                for message in part
            ]
            if rows:
                await c.execute(
                    "INSERT INTO effects (subject, number) SELECT * FROM unnest($1::uuid[], $2::int[])",
                    [subject for subject, _ in rows],
                    [number for _, number in rows],
                )
                await consumer.commit()
            read += len(rows)
            if read and not began:
                began, first = time.perf_counter(), read
    took = time.perf_counter() - began
    await consumer.stop()
    return (read - first) / took


if __name__ == "__main__":
    loop.run(main())
