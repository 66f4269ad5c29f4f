"""A database that is away is told once by each who needs it, not at every attempt, and so is that it is back."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shared.bus import wakeup
from shared.bus.dispatch import Dispatcher
from shared.bus.memory import MemoryTransport
from shared.bus.relay import Relay
from shared.bus.retries import Retries
from shared.bus.wakeup import Listener
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.uow import UnitOfWork
from shared.http import health
from shared.telemetry.metrics import Metrics
from shared.telemetry.reasons import in_words
from shared.timers import DueTimer, Scheduler
from tests.kit.gate import Gate, behind
from tests.kit.spine import until

AWAY = ("sweep failed", "retries wait", "relay lost its session", "listener lost", "check_failed")
BACK = ("sweeps go on", "retries go on", "relay has a session again", "listener is back", "check_goes_on")


async def nothing(_uow: UnitOfWork, _timer: DueTimer) -> None: ...


@pytest.fixture
async def gated(counters: Database) -> AsyncIterator[tuple[Database, Gate]]:
    async with behind(Gate, counters.url) as (gate, through):
        db = Database(through, "tests")
        yield db, gate
        await db.dispose()


async def test_each_is_told_once_and_so_is_its_end(
    gated: tuple[Database, Gate], monkeypatch: pytest.MonkeyPatch
) -> None:
    db, gate = gated
    monkeypatch.setattr(wakeup, "RECONNECT_SECONDS", 0.05)
    listener = Listener(db.url, "tests", "tests")
    parts = (
        Relay(db, MemoryTransport(), poll_seconds=0.05),
        Scheduler(db, {"nothing": nothing}, poll_seconds=0.05),
        Retries(db, Dispatcher({}, 1), RetryPolicy(), Metrics("tests"), poll_seconds=0.05),
    )
    checks = {"database": health.database_check(db)}
    await gate.shut()
    with capture_logs() as lines:

        async def told(events: tuple[str, ...]) -> bool:
            await health.readiness(checks)
            return {line["event"] for line in lines} >= set(events)

        for part in (listener, *parts):
            part.start()
        try:
            await until(lambda: told(AWAY))
            for _ in range(10):
                await health.readiness(checks)
                await asyncio.sleep(0.2)
            times = Counter((line["event"], line.get("reason") or line.get("error")) for line in lines)
            assert set(times.values()) == {1}, times
            await gate.open()
            await until(lambda: told(BACK))
        finally:
            await asyncio.gather(listener.stop(), *(part.stop(1) for part in parts))
    assert Counter(line["event"] for line in lines if line["event"] in BACK) == dict.fromkeys(BACK, 1)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A server's socket whose queue of those who wait to be taken has no place left."""
    path = tmp_path / "full"
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first:
        server.bind(str(path))
        server.listen(0)
        first.connect(str(path))
        yield path


async def test_a_server_that_takes_no_more_connections_is_told_in_words(full: Path) -> None:
    async def check() -> health.CheckResult:
        with socket.socket(socket.AF_UNIX) as late:
            late.setblocking(False)
            late.connect(str(full))
        return health.CheckResult()

    with capture_logs() as lines:
        found = await health.readiness({"database": check})
    assert found.checks["database"].reason == "无法检查（对方不再接受新连接），详见日志 check_failed"
    assert lines[0]["error"].startswith("the server takes no more connections")
    assert in_words(ConnectionRefusedError("refused"), "refused") == "refused"
