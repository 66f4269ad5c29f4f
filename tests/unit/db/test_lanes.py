"""A lane is courtesy: one after another, but nobody waits long, and nobody is kept out by one who failed."""

import asyncio
from uuid import uuid4

import pytest

from shared.db import lanes
from shared.db.lanes import Lanes


async def test_those_of_one_subject_go_one_after_another_and_others_at_once() -> None:
    lane, subject = Lanes(), uuid4()
    inside, most = 0, 0

    async def go() -> None:
        nonlocal inside, most
        async with lane.of(subject):
            inside += 1
            most = max(most, inside)
            async with lane.of(uuid4()):
                await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(go() for _ in range(10)))
    assert (inside, most) == (0, 1)


async def test_whoever_waits_too_long_goes_without_and_leaves_the_lane_to_its_holder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 0.02)
    lane, subject = Lanes(), uuid4()
    order = list[str]()

    async def wait(name: str) -> None:
        async with lane.of(subject):
            order.append(name)

    async with lane.of(subject):
        await wait("without")
        monkeypatch.setattr(lanes, "PATIENCE_SECONDS", 10)
        behind = asyncio.create_task(wait("after"))
        await asyncio.sleep(0.02)
        order.append("holder")
    await behind
    assert order == ["without", "holder", "after"]


async def test_a_failure_frees_the_lane() -> None:
    lane, subject = Lanes(), uuid4()
    with pytest.raises(RuntimeError):
        async with lane.of(subject):
            raise RuntimeError
    async with asyncio.timeout(0.5), lane.of(subject):
        pass
