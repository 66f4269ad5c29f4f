"""Goal 8: a sweep costs what is due, not what is open; and a scheduler killed -9 makes no timer late."""

import asyncio
import signal
import time
from collections import Counter as Tally
from datetime import timedelta

from bench.rig import connection, database, interleaved, line
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.timers import DueTimer, Scheduler
from tests.kit.crash import Arena, CrashServer
from tests.kit.spine import SYSTEM

FEW, MANY = 10_000, 1_000_000
POLL_SECONDS = 0.2  # of the children in tests/kit/spine_worker.py
KILLS = 10
_OPEN = """
    INSERT INTO timers (id, subject, kind, due_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'remind', now() + interval '30 days' + make_interval(secs => n)
    FROM generate_series(1, $1::int) n
"""
_DUE = """
    INSERT INTO timers (id, subject, kind, due_at)
    SELECT gen_random_uuid(), gen_random_uuid(), 'remind', now() - make_interval(secs => n)
    FROM generate_series(1, $1::int) n
"""


async def main() -> None:
    async with database() as few, database() as many:
        for db, count in ((few, FEW), (many, MANY)):
            async with connection(db) as c:
                await c.execute(_OPEN, count, timeout=300)
                await c.execute("VACUUM ANALYZE timers", timeout=300)
        for due in (100, 10_000):
            found = await interleaved({"few": lambda n=due: _sweep(few, n), "many": lambda n=due: _sweep(many, n)})
            (fast, spread), (slow, _) = found["few"], found["many"]
            detail = f"{fast * 1000:,.1f} ms (±{spread:.0%}) among {FEW:,} open, {slow * 1000:,.1f} ms among {MANY:,}"
            line(f"8  timers, {due:,} due", slow / fast, "≤ 1.25", detail)
    await _lateness()


async def _nothing(_uow: UnitOfWork, _timer: DueTimer) -> None: ...


async def _sweep(db: Database, due: int) -> float:
    async with connection(db) as c:
        await c.execute("DELETE FROM timers WHERE fired_at IS NOT NULL")
        await c.execute(_DUE, due)
        await c.execute("VACUUM ANALYZE timers", timeout=300)
        await c.execute("CHECKPOINT")
    scheduler = Scheduler(db, {"remind": _nothing})
    began = time.perf_counter()
    while await scheduler.sweep():
        pass
    return time.perf_counter() - began


async def _lateness() -> None:
    """Fifty timers a second; one of two schedulers is killed again and again."""
    server = await asyncio.to_thread(CrashServer)
    arena = await asyncio.to_thread(Arena, server)
    db = Database(arena.source_url, "bench")
    children = [arena.start("timers") for _ in range(2)]
    await asyncio.sleep(3)
    count = KILLS * 100
    async with db.write(SYSTEM) as uow:
        for n in range(count):
            uow.schedule(uuid7(), "due", uow.now + timedelta(seconds=1 + n / 50), {"n": n})
    for _ in range(KILLS):
        await asyncio.sleep(2)
        children.pop(0).signal(signal.SIGKILL)
        children.append(arena.start("timers"))
    await asyncio.sleep(4)
    async with connection(db) as c:
        late = await c.fetchval("SELECT max(extract(epoch FROM fired_at - due_at)) FROM timers")
        missed = await c.fetchval("SELECT count(*) FROM timers WHERE fired_at IS NULL")
    fired = Tally(number for numbers in (await arena.effects(arena.source_url)).values() for number in numbers)
    twice = sum(times > 1 for times in fired.values())
    await db.dispose()
    await asyncio.to_thread(arena.close)
    await asyncio.to_thread(server.close)
    line(
        "8  timers, lateness",
        f"{late:.2f} s",
        f"≤ {POLL_SECONDS + 1:.1f} s",
        f"through {KILLS} kills -9; fired {len(fired)} of {count}, open {missed}, twice {twice}",
    )


if __name__ == "__main__":
    asyncio.run(main())
