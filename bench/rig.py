"""What the spine's measurements share: a durable PostgreSQL, a real broker, interleaved rounds, one line per ratio."""

import asyncio
import json
import os
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from shared.db import direct
from shared.db.engine import Database
from shared.events import Topic
from tests.kit.crash import CrashServer
from tests.kit.kafka import KafkaBroker
from tests.kit.spine import build_counters

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "6"))
BUSY_SHARE = 0.25
TOPIC = Topic("bench.counters", "bench", ("bench",), partitions=6)

RESULTS = "BENCH_RESULTS"  # the file in which `python -m bench` collects what each measurement found
_others = 0.0

Way = Callable[[], Awaitable[float]]


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """A service's database on a PostgreSQL of its own, fsync on."""
    server = await asyncio.to_thread(CrashServer)
    try:
        url = await asyncio.to_thread(server.database, "bench")
        await build_counters(url)
        db = Database(url, "bench", pool_size=40)
        yield db
        await db.dispose()
    finally:
        await asyncio.to_thread(server.close)


@asynccontextmanager
async def broker() -> AsyncIterator[KafkaBroker]:
    """A broker of its own."""
    started = KafkaBroker(Path(tempfile.mkdtemp(prefix="lantai-bench-")))
    await asyncio.to_thread(started.start)
    try:
        yield started
    finally:
        await asyncio.to_thread(started.stop)


@asynccontextmanager
async def connection(db: Database) -> AsyncIterator[asyncpg.Connection]:
    opened = await direct.connect(db.url, "bench")
    try:
        yield opened
    finally:
        await direct.close(opened)


async def interleaved(ways: Mapping[str, Way]) -> dict[str, tuple[float, float]]:
    """Run the ways A B A B; return (median, spread) of what each measured, the first round dropped."""
    seen: dict[str, list[float]] = {name: [] for name in ways}
    others = 0.0
    for _ in range(ROUNDS):
        for name, way in ways.items():
            before = _foreign_seconds()
            seen[name].append(await way())
            others = max(others, _foreign_share(before))
    _warn(others)
    return {name: (statistics.median(found[1:]), max(found[1:]) / min(found[1:]) - 1) for name, found in seen.items()}


@asynccontextmanager
async def busy() -> AsyncIterator[None]:
    """A measurement that has no rounds: say so when others were busy meanwhile."""
    before = _foreign_seconds()
    yield
    _warn(_foreign_share(before))


def _warn(others: float) -> None:
    global _others
    _others = others
    if others > BUSY_SHARE:
        print(f"   inconclusive: other processes took up to {others:.0%} of the machine", flush=True)


async def reached(condition: Callable[[], bool], look_every_seconds: float = 0.002) -> None:
    """Wait for something that is being measured."""
    while True:
        if condition():
            return
        await asyncio.sleep(look_every_seconds)


def line(goal: str, measured: float | str, target: str, detail: str) -> None:
    """Print one figure, and keep it for the table of `python -m bench`."""
    shown = measured if isinstance(measured, str) else f"{measured:.2f}"
    print(f"{goal}: {shown}  (target {target})  {detail}", flush=True)
    if (kept := os.environ.get(RESULTS)) is not None:
        row = {"goal": goal, "measured": shown, "target": target, "detail": detail, "others": round(_others, 2)}
        with Path(kept).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _foreign_seconds() -> tuple[float, float, float]:
    """(busy seconds of the machine, of our own process tree, seconds elapsed x cores)."""
    import psutil

    times = psutil.cpu_times()
    busy = sum(times) - times.idle - times.iowait
    me = psutil.Process()
    own = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            spent = process.cpu_times()
            own += spent.user + spent.system + spent.children_user + spent.children_system
        except psutil.NoSuchProcess:
            continue
    return busy, own, sum(times)


def _foreign_share(before: tuple[float, float, float]) -> float:
    busy, own, total = (now - then for now, then in zip(_foreign_seconds(), before, strict=True))
    return max(busy - own, 0.0) / total if total > 0 else 0.0
