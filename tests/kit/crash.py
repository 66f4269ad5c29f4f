"""The arena of crash tests: real PostgreSQL, a real log, and children that are killed and stopped while they work."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from shared.bus.embedded_schema import migrate_bus
from shared.db import direct
from shared.db.embedded import EmbeddedPostgres
from shared.db.ids import uuid7
from shared.db.urls import with_database
from tests.kit.background import Background
from tests.kit.kafka import REPOSITORY
from tests.kit.spine import COUNTERS, build_counters, until
from tests.kit.spine_worker import transport_of

DURABLE = {"max_connections": "200"}
PATIENCE = 60.0
Effects = dict[UUID, list[int]]
Counts = dict[UUID, int]
_EFFECT_COUNTS = "SELECT subject, count(*) FROM effects GROUP BY 1"


class CrashServer:
    """A PostgreSQL with its durability on, supervised from a thread of its own, to be killed at will."""

    def __init__(self) -> None:
        self._var = Path(tempfile.mkdtemp(prefix="lantai-crash-"))
        self.background = Background()
        self.embedded = EmbeddedPostgres(self._var, settings=DURABLE)
        self.background.run(self.embedded.start())
        self._count = 0

    def database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        self._count += 1
        url = with_database(self.embedded.url(), f"{name}_{self._count}")
        self.background.run(_execute(self.embedded.url(), f'CREATE DATABASE "{make_url(url).database}"'))
        return url

    def kill9(self) -> None:
        """Kill the postmaster; its supervisor starts it again."""
        pid = self.embedded.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    async def freeze(self, seconds: float) -> None:
        """Stop every process of the server for a while; connections stay open, nothing is answered."""
        assert self.embedded.pid is not None
        postmaster = psutil.Process(self.embedded.pid)
        frozen = [postmaster]
        postmaster.suspend()  # first, so that it starts no other
        frozen += postmaster.children(recursive=True)
        try:
            for process in frozen:
                process.suspend()
            await asyncio.sleep(seconds)
        finally:
            for process in reversed(frozen):
                process.resume()

    def close(self) -> None:
        self.background.run(self.embedded.stop())
        self.background.close()
        shutil.rmtree(self._var, ignore_errors=True)


async def _execute(url: str, statement: str) -> None:
    connection = await direct.connect(url, "arena")
    await connection.execute(statement)
    await direct.close(connection)


class Child:
    """One process of the arena and what it wrote."""

    def __init__(self, role: str, environment: dict[str, str], directory: Path, number: int) -> None:
        self.role = role
        self.out = directory / f"{number:03}-{role}.out"
        self.log = directory / f"{number:03}-{role}.log"
        with self.out.open("wb") as out, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", sys.executable, "-m", "tests.kit.spine_worker", role],
                cwd=REPOSITORY,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def stopped(self) -> bool:
        return self.alive and psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED

    @property
    def started(self) -> bool:
        return "started\n" in self.out.read_text()

    @property
    def worked(self) -> bool:
        """Whether it has published, settled or fired something: a disturbance from now on meets it at work."""
        return "worked\n" in self.out.read_text()

    def signal(self, number: signal.Signals) -> None:
        if self.alive:
            self.process.send_signal(number)

    def acknowledged(self) -> list[tuple[UUID, int]]:
        """What a producer was told to be committed; a line cut by a kill does not count."""
        found = re.findall(r"^ack (\S{36}) (\d+)$", self.out.read_text(), re.MULTILINE)
        return [(UUID(subject), int(number)) for subject, number in found]

    async def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for the end and return the exit code (negative: the signal)."""
        return await asyncio.to_thread(self.process.wait, seconds)


async def reached(condition: Callable[[], bool]) -> None:
    """Children start as fast as the machine lets them: wait for what they did, not for a time."""
    for _ in range(int(PATIENCE * 10)):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.1)
    raise TimeoutError


class Arena:
    """Source and target databases, a log between them, and the children at work on them."""

    def __init__(self, server: CrashServer, bus: str | None = None) -> None:
        """`bus` is `kafka BOOTSTRAP`; without it the embedded log is used, on the same server."""
        self.server = server
        self.source_url, self.target_url = server.database("source"), server.database("target")
        if bus is None:
            bus_url = server.database("bus")
            server.background.run(migrate_bus(bus_url))
            bus = f"embedded {bus_url}"
        self.bus = bus
        self.topic = f"test.{uuid7().hex}"
        for url in (self.source_url, self.target_url):
            server.background.run(build_counters(url))
        self.directory = Path(tempfile.mkdtemp(prefix="lantai-arena-"))
        self.children: list[Child] = []

    async def open(self, *, compacted: bool = False) -> None:
        """Make the topic; or make it a compacted one."""
        transport = transport_of(self.bus)
        await transport.start()
        await transport.ensure_topics([replace(COUNTERS, name=self.topic, compacted=compacted)])
        await transport.stop()

    async def log(self) -> Effects:
        """What the log holds, in its order."""
        transport, found = transport_of(self.bus), defaultdict(list)
        await transport.start()
        async with transport.subscribe(f"reader-{uuid7()}", [self.topic]) as subscription:
            while batch := await subscription.fetch(1000, 3):
                for one in batch:
                    found[UUID(one.record.key)].append(json.loads(one.record.body)["number"])
        await transport.stop()
        return found

    async def unpublished(self) -> int:
        connection = await direct.connect(self.source_url, "arena")
        try:
            return int(await connection.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL"))
        finally:
            await direct.close(connection)

    def start(self, role: str, *, kill_at: str = "", **environment: str) -> Child:
        """Start one part; `kill_at` is the failpoint, with the hit at which it dies."""
        told = {"SOURCE_URL": self.source_url, "TARGET_URL": self.target_url, "BUS": self.bus}
        told |= {"COUNTERS_TOPIC": self.topic, "KILL_AT": kill_at}
        child = Child(role, told | environment, self.directory, len(self.children))
        self.children.append(child)
        return child

    async def committed(self) -> Effects:
        """What the source holds: the truth that the target must reach."""
        return await _by_subject(
            self.source_url,
            "SELECT key AS subject, convert_from(body, 'UTF8')::json->>'number' FROM outbox ORDER BY id",
        )

    async def effects(self, url: str | None = None) -> Effects:
        return await _by_subject(url or self.target_url, "SELECT subject, number FROM effects ORDER BY id")

    async def counts(self, url: str | None = None) -> Counts:
        """How many events the source holds per subject, or how many effects the database at `url`."""
        query = "SELECT key, count(*) FROM outbox GROUP BY 1" if url is None else _EFFECT_COUNTS
        found = await _by_subject(url or self.source_url, query)
        return {subject: count for subject, (count,) in found.items()}

    async def open_timers(self) -> frozenset[UUID]:
        """The subjects whose timer the source has yet to fire."""
        return frozenset(await _by_subject(self.source_url, "SELECT subject, 0 FROM timers WHERE fired_at IS NULL"))

    async def settled(self, seconds: float = PATIENCE) -> None:
        """Wait until the target has every committed event, then a little longer for what must not come; compare."""
        try:
            await until(self._equal, seconds)
            await asyncio.sleep(0.5)
        except TimeoutError:
            print(self.report())
        wanted, found = await self.committed(), await self.effects()
        assert found == wanted, self.difference(wanted, found)
        for child in self.children:
            for subject, number in child.acknowledged():
                assert number in wanted[subject], f"acknowledged and lost: {subject} {number}"

    async def _equal(self) -> bool:
        try:
            return await self.effects() == await self.committed()
        except direct.UNREACHABLE:
            return False  # the database was killed a moment ago

    def difference(self, wanted: Effects, found: Effects) -> str:
        lines = [
            f"{subject}: wanted {wanted.get(subject)} found {found.get(subject)}"
            for subject in sorted(wanted.keys() | found.keys())
            if wanted.get(subject) != found.get(subject)
        ]
        return "\n".join(lines[:5])

    def report(self) -> str:
        return "\n".join(f"== {child.log.name}\n{child.log.read_text()[-1500:]}" for child in self.children)

    def close(self) -> None:
        for child in self.children:
            child.signal(signal.SIGKILL)
            child.process.wait(10)
        shutil.rmtree(self.directory)


async def _by_subject(url: str, query: str) -> Effects:
    connection: asyncpg.Connection = await direct.connect(url, "arena")
    try:
        found: Effects = defaultdict(list)
        for subject, number in await connection.fetch(query):
            found[UUID(str(subject))].append(int(number))
        return dict(found)
    finally:
        await direct.close(connection)


def crash_server() -> Iterator[CrashServer]:
    """The body of a module's fixture."""
    server = CrashServer()
    yield server
    server.close()
