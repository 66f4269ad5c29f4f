"""A background loop outlives its failures, says how it is, and stops when told."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from shared.db.retry import Backoff
from shared.service.background import Background, Well, every

Step = Callable[[], Awaitable[int]]


@pytest.fixture(autouse=True)
def hardly_pausing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "pause", lambda self: 0.001)


async def until(condition: "asyncio.Event", seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        await condition.wait()


def failing(times: int, error: Exception, reached: asyncio.Event) -> Step:
    """A step that fails so many times; then it sets `reached` at its second success."""
    calls = 0

    async def step() -> int:
        nonlocal calls
        calls += 1
        if calls <= times:
            raise error
        if calls == times + 2:
            reached.set()
        return calls == times + 1

    return step


async def test_it_begins_again_after_a_failure() -> None:
    done = asyncio.Event()
    loop = Background("mail", every(60, failing(1, RuntimeError("once"), done)))
    loop.start()
    await until(done)
    await asyncio.sleep(0)
    assert loop.health().ok
    await loop.stop()
    assert not loop.health().ok and loop.health().part == "mail"


async def test_its_trouble_is_told_while_it_pauses() -> None:
    failed = asyncio.Event()

    async def work(_well: Well) -> None:
        failed.set()
        raise RuntimeError("no mail server")

    loop = Background("mail", work)
    loop.start()
    await until(failed)
    await asyncio.sleep(0)
    assert not loop.health().ok and "no mail server" in loop.health().reason
    await loop.stop()


async def test_it_is_ill_until_it_has_done_its_work() -> None:
    """Also while it tries again: a server that is silent keeps it for seconds before it fails once more."""
    trying, answered, went_well = asyncio.Event(), asyncio.Event(), asyncio.Event()
    tries = 0

    async def step() -> int:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise RuntimeError("no mail server")
        if tries == 3:
            went_well.set()
            return 0
        trying.set()
        await answered.wait()
        return 1

    loop = Background("mail", every(60, step))
    loop.start()
    await until(trying)
    assert not loop.health().ok and "no mail server" in loop.health().reason
    answered.set()
    await until(went_well)
    assert loop.health().ok
    await loop.stop()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionRefusedError("refused"), "ConnectionRefusedError: refused"),
        (OperationalError("SELECT 1", {}, TimeoutError()), "TimeoutError"),
        (PoolTimeout("no connection in time"), "TimeoutError: no connection in time"),
    ],
)
async def test_a_server_that_is_away_is_told_once_and_without_a_traceback(error: Exception, reason: str) -> None:
    back = asyncio.Event()
    loop = Background("sealer", every(60, failing(5, error, back)))
    with capture_logs() as lines:
        loop.start()
        await until(back)
        await loop.stop()
    assert [(line["log_level"], line["event"], line["task"]) for line in lines] == [
        ("warning", "background task waits", "sealer"),
        ("info", "background task goes on", "sealer"),
    ]
    assert lines[0]["reason"] == reason
    assert not any("exc_info" in line for line in lines)


async def test_a_fault_is_told_each_time_with_where_it_happened() -> None:
    done = asyncio.Event()
    loop = Background("sealer", every(60, failing(3, ZeroDivisionError("wrong"), done)))
    with capture_logs() as lines:
        loop.start()
        await until(done)
        await loop.stop()
    assert [(line["log_level"], type(line["exc_info"])) for line in lines] == [("error", ZeroDivisionError)] * 3


async def test_every_goes_on_at_once_while_there_is_work() -> None:
    left = [3]
    idle = asyncio.Event()

    async def step() -> int:
        if left[0] == 0:
            idle.set()
            return 0
        left[0] -= 1
        return 1

    task = asyncio.ensure_future(every(60, step)(lambda: None))
    await until(idle)
    task.cancel()
    await asyncio.wait({task})
    assert left == [0]
