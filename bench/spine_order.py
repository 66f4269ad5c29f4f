"""Goal 5: eight writers, a fifth of the commits slow, four relays: nothing missed, nothing inverted.

Two naive relays read the same commits in the same run, and must fail: one asks for `id > last`, one takes rows with
SKIP LOCKED in four copies. EVENTS (50,000) says how many; the goal's million takes twenty times as long.
"""

import asyncio
import os
import random
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import asyncpg

from bench.rig import connection, database, line, reached
from shared.bus.memory import MemoryTransport
from shared.bus.relay import Relay
from shared.bus.transport import Record
from shared.db.engine import Database

EVENTS = int(os.environ.get("EVENTS", "50000"))
WRITERS = 8
RELAYS = 4
KEYS_PER_WRITER = 40
Seen = dict[str, list[int]]


class Ledger(MemoryTransport):
    """Notes the order in which records reach the log."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Seen = defaultdict(list)

    async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
        await asyncio.sleep(0.001)
        for record in records:
            self.seen[record.key].append(int(record.body))


async def main() -> None:
    ledger, above_last, skip_locked = Ledger(), defaultdict(list), defaultdict(list)
    async with database() as db:
        async with connection(db) as c:
            await c.execute(
                "CREATE TABLE naive (id bigserial PRIMARY KEY, key text, number int, published_at timestamptz);"
                "CREATE INDEX ON naive (id) WHERE published_at IS NULL"
            )
        stop = asyncio.Event()
        relays = [Relay(db, ledger, poll_seconds=0.05, lease_seconds=3) for _ in range(RELAYS)]
        for relay in relays:
            relay.start()
        naive = [asyncio.create_task(_above_last(db, above_last, stop))]
        naive += [asyncio.create_task(_skip_locked(db, skip_locked, stop)) for _ in range(RELAYS)]
        await asyncio.gather(*(_write(db, number) for number in range(WRITERS)))
        total = EVENTS // WRITERS * WRITERS
        await reached(lambda: all(_count(seen) >= total for seen in (ledger.seen, skip_locked)), 0.1)
        stop.set()
        await asyncio.gather(*naive, *(relay.stop() for relay in relays))
    missed, inverted = _judge(ledger.seen)
    detail = (
        f"{EVENTS:,} events; the controls, which must fail: `id > last` missed {_judge(above_last)[0]:,},"
        f" {RELAYS} × SKIP LOCKED inverted {_judge(skip_locked)[1]:,}"
    )
    line("5  order and loss", f"missed {missed}, inverted {inverted}", "0 and 0", detail)


async def _write(db: Database, writer: int) -> None:
    """Each key belongs to one writer, as an aggregate's events are written under its lock, one after the other."""
    chance = random.Random(writer)
    numbers: dict[str, int] = defaultdict(int)
    async with connection(db) as c:
        for _ in range(EVENTS // WRITERS):
            key = f"{writer}-{chance.randrange(KEYS_PER_WRITER)}"
            numbers[key] += 1
            async with c.transaction():
                await c.execute(
                    "INSERT INTO outbox (event_id, topic, key, headers, body)"
                    " VALUES (gen_random_uuid(), 'bench', $1, '{}', convert_to($2::text, 'UTF8'))",
                    key,
                    str(numbers[key]),
                )
                await c.execute("INSERT INTO naive (key, number) VALUES ($1, $2)", key, numbers[key])
                if chance.random() < 0.2:
                    await asyncio.sleep(0.01)


async def _above_last(db: Database, seen: Seen, stop: asyncio.Event) -> None:
    last = 0
    async with connection(db) as c:
        while not stop.is_set():
            for row in await c.fetch("SELECT id, key, number FROM naive WHERE id > $1 ORDER BY id", last):
                seen[row["key"]].append(row["number"])
                last = row["id"]
            await asyncio.sleep(0.01)


async def _skip_locked(db: Database, seen: Seen, stop: asyncio.Event) -> None:
    async with connection(db) as c:
        while not stop.is_set():
            async with c.transaction():
                rows: list[asyncpg.Record] = await c.fetch(
                    "SELECT id, key, number FROM naive WHERE published_at IS NULL ORDER BY id LIMIT 100"
                    " FOR UPDATE SKIP LOCKED"
                )
                await asyncio.sleep(random.uniform(0.0005, 0.005))
                for row in rows:
                    seen[row["key"]].append(row["number"])
                await c.execute("UPDATE naive SET published_at = now() WHERE id = ANY($1)", [r["id"] for r in rows])
            if not rows:
                await asyncio.sleep(0.01)


def _count(seen: Seen) -> int:
    return sum(map(len, seen.values()))


def _judge(seen: Seen) -> tuple[int, int]:
    """(missed, inversions) against every number that was committed."""
    missed = EVENTS // WRITERS * WRITERS - sum(len(set(numbers)) for numbers in seen.values())
    return missed, sum(a > b for numbers in seen.values() for a, b in pairwise(numbers))


if __name__ == "__main__":
    asyncio.run(main())
