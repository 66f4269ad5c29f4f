"""A background loop outlives its failures, says how it is, and stops when told."""

import asyncio

from shared.service.background import Background, every


async def until(condition: "asyncio.Event", seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        await condition.wait()


async def test_it_begins_again_after_a_failure() -> None:
    runs: list[str] = []
    again = asyncio.Event()

    async def work() -> None:
        runs.append("run")
        if len(runs) == 1:
            raise RuntimeError("once")
        again.set()
        await asyncio.Event().wait()

    loop = Background("mail", work)
    loop.start()
    await until(again)
    assert len(runs) == 2
    assert loop.health().ok
    await loop.stop()
    assert not loop.health().ok and loop.health().part == "mail"


async def test_its_trouble_is_told_while_it_pauses() -> None:
    failed = asyncio.Event()

    async def work() -> None:
        failed.set()
        raise RuntimeError("no mail server")

    loop = Background("mail", work)
    loop.start()
    await until(failed)
    await asyncio.sleep(0)
    assert not loop.health().ok and "no mail server" in loop.health().reason
    await loop.stop()


async def test_every_goes_on_at_once_while_there_is_work() -> None:
    left = [3]
    idle = asyncio.Event()

    async def step() -> int:
        if left[0] == 0:
            idle.set()
            return 0
        left[0] -= 1
        return 1

    task = asyncio.ensure_future(every(60, step)())
    await until(idle)
    task.cancel()
    await asyncio.wait({task})
    assert left == [0]
