"""Goal 3: the relay drains an outbox of 1 kB rows to a real broker, against what both halves can do alone."""

import asyncio
import json
import time
from uuid import UUID

from aiokafka import AIOKafkaProducer

from bench.rig import TOPIC, broker, connection, database, interleaved, line, reached
from shared.bus.kafka import KafkaTransport
from shared.bus.relay import Relay
from shared.bus.transport import partition_of
from shared.db.engine import Database
from shared.telemetry.metrics import Metrics

ROWS = 30_000
BATCH = 1_000
HEADERS = {
    "ce_specversion": "1.0",
    "ce_id": str(UUID(int=1)),
    "ce_source": "/lantai/bench",
    "ce_type": "lantai.bench.thing.counted.v1",
    "ce_subject": str(UUID(int=2)),
    "ce_time": "2026-11-22T00:00:00+00:00",
    "ce_agencyid": str(UUID(int=3)),
    "content-type": "application/json; charset=utf-8",
}


async def main() -> None:
    async with database() as db, broker() as kafka:
        transport = KafkaTransport(kafka.bootstrap)
        await transport.ensure_topics([TOPIC])
        found = await interleaved(
            {
                "relay": lambda: _relay(db, transport),
                "database": lambda: _drain(db),
                "kafka": lambda: _send(kafka.bootstrap),
            }
        )
        await transport.stop()
    (relay, spread), (drain, _), (send, _) = found["relay"], found["database"], found["kafka"]
    limit = 1 / (1 / drain + 1 / send)
    detail = f"relay {relay:,.0f}/s (±{spread:.0%}); database {drain:,.0f}/s, send_batch {send:,.0f}/s"
    line("3  relay drain", relay / limit, "≥ 0.6", detail)


async def _fill(db: Database) -> None:
    async with connection(db) as c:
        await c.execute("TRUNCATE outbox")
        await c.execute(
            "INSERT INTO outbox (event_id, topic, key, headers, body)"
            " SELECT gen_random_uuid(), $1, (n % 5000)::text, $2, convert_to(repeat('x', 1000), 'UTF8')"
            " FROM generate_series(1, $3::int) n",
            TOPIC.name,
            json.dumps(HEADERS),
            ROWS,
        )
        await c.execute("VACUUM ANALYZE outbox")
        await c.execute("CHECKPOINT")


async def _relay(db: Database, transport: KafkaTransport) -> float:
    await _fill(db)
    metrics = Metrics("bench")
    relay = Relay(db, transport, metrics)
    began = time.perf_counter()
    relay.start()
    await reached(lambda: (metrics.registry.get_sample_value("lantai_relay_published_total") or 0) >= ROWS)
    took = time.perf_counter() - began
    await relay.stop()
    return ROWS / took


async def _drain(db: Database) -> float:
    """The database's half: read and mark, batch by batch."""
    await _fill(db)
    async with connection(db) as c:
        began = time.perf_counter()
        while rows := await c.fetch(
            "SELECT id, topic, key, headers, body FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT $1", BATCH
        ):
            ids = [row["id"] for row in rows]
            await c.execute("UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])", ids)
        return ROWS / (time.perf_counter() - began)


async def _send(bootstrap: str) -> float:
    """The broker's half: bare `send_batch` of the same records, idempotent, batch by batch."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=1_000_000
    )
    await producer.start()
    headers = [(name, value.encode()) for name, value in HEADERS.items()]
    body = b"x" * 1000
    began = time.perf_counter()
    for start in range(0, ROWS, BATCH):
        batches = {p: producer.create_batch() for p in range(TOPIC.partitions)}
        for n in range(start, start + BATCH):
            key = str(n % 5000)
            partition = partition_of(key, TOPIC.partitions)
            batches[partition].append(key=key.encode(), value=body, timestamp=None, headers=headers)
        sent = [await producer.send_batch(b, TOPIC.name, partition=p) for p, b in batches.items()]
        await asyncio.gather(*sent)
    took = time.perf_counter() - began
    await producer.stop()
    return ROWS / took


if __name__ == "__main__":
    asyncio.run(main())
