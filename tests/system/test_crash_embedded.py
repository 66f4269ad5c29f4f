"""The crash matrix on the embedded log, and the timers', which use no log."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest

from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from tests.kit.crash import Arena, CrashServer
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


@pytest.mark.parametrize("accident", ["in_timer:60", "kill", "stop", "database"])
async def test_each_timer_fires_once_through_a_crash(arena: Arena, accident: str) -> None:
    wanted = await _due(arena, 300)
    first = arena.start("timers", kill_at=accident if ":" in accident else "")
    if accident == "in_timer:60":
        assert await first.ended() == -signal.SIGKILL
        arena.start("timers")
    else:
        arena.start("timers")
        await asyncio.sleep(3)
        if accident == "database":
            arena.server.kill9()
        else:
            first.signal(signal.SIGKILL if accident == "kill" else signal.SIGSTOP)
            await asyncio.sleep(4)
            first.signal(signal.SIGCONT)

    async def all_fired() -> bool:
        try:
            return len(await arena.effects(arena.source_url)) >= 300
        except direct.UNREACHABLE:
            return False

    await until(all_fired, 60)
    await asyncio.sleep(1)
    fired = await arena.effects(arena.source_url)
    assert {tuple(numbers) for numbers in fired.values()} == wanted
    assert await arena.committed() == fired
