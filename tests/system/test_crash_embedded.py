"""The crash matrix on the embedded log, and the timers', which use no log."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from tests.kit.crash import PATIENCE, Arena, CrashServer, reached
from tests.kit.crash import crash_server as make_server
from tests.kit.spine import SYSTEM, until
from tests.system.crash_suite import CrashSuite

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crash-embedded")]


@pytest.fixture(scope="module")
def crash_server() -> Iterator[CrashServer]:
    yield from make_server()


class TestEmbedded(CrashSuite):
    @pytest.fixture
    def bus(self) -> None:
        return None


@pytest.fixture
async def arena(crash_server: CrashServer) -> AsyncIterator[Arena]:
    arena = await asyncio.to_thread(Arena, crash_server)
    await arena.open()
    yield arena
    await asyncio.to_thread(arena.close)


async def _due(arena: Arena, count: int) -> set[tuple[int, ...]]:
    db = Database(arena.source_url, "tests")
    async with db.write(SYSTEM) as uow:
        for n in range(count):
            uow.schedule(uuid7(), "due", uow.now + timedelta(seconds=n / 50 - 1), {"n": n})
    await db.dispose()
    return {(n,) for n in range(count)}


async def _none_open(arena: Arena) -> bool:
    try:
        return not await arena.open_timers()
    except direct.UNREACHABLE:
        return False


async def _fired_once(arena: Arena, wanted: set[tuple[int, ...]]) -> None:
    await until(lambda: _none_open(arena), PATIENCE)
    await asyncio.sleep(1)  # for what must not come
    fired = await arena.effects(arena.source_url)
    assert {tuple(numbers) for numbers in fired.values()} == wanted
    assert await arena.committed() == fired


async def test_each_timer_fires_once_though_its_scheduler_dies_in_the_handler(arena: Arena) -> None:
    wanted = await _due(arena, 300)
    dying = arena.start("timers", kill_at="in_timer:60")
    assert await dying.ended() == -signal.SIGKILL
    assert await arena.open_timers()
    arena.start("timers")
    await _fired_once(arena, wanted)


async def test_each_timer_fires_once_though_its_scheduler_is_stopped_in_the_handler(arena: Arena) -> None:
    """The other one fires even what the stopped one has taken: the database ends the transaction that stands still."""
    wanted = await _due(arena, 300)
    stopped = arena.start("timers", STOP_AT="in_timer:60")
    await reached(lambda: stopped.stopped)
    assert await arena.open_timers()
    arena.start("timers")
    await until(lambda: _none_open(arena), PATIENCE)
    assert stopped.stopped, "they were another's before the holder could fire them"
    stopped.signal(signal.SIGCONT)
    await _fired_once(arena, wanted)


@pytest.mark.parametrize("accident", ["kill", "database"])
async def test_each_timer_fires_once_though_two_are_disturbed_at_work(arena: Arena, accident: str) -> None:
    schedulers = [arena.start("timers") for _ in range(2)]
    await reached(lambda: all(one.started for one in schedulers))
    wanted = await _due(arena, 300)
    await reached(lambda: all(one.worked for one in schedulers))
    assert await arena.open_timers()
    if accident == "database":
        arena.server.kill9()
    else:
        schedulers[0].signal(signal.SIGKILL)
        assert await schedulers[0].ended() == -signal.SIGKILL
        assert await arena.open_timers()
    await _fired_once(arena, wanted)
