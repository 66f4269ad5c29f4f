"""One provider takes only its share of the sender, and a silent one is left alone for a while."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from services.notify.deliveries.lanes import LOOK_SECONDS, Lanes, ProviderSilent, Talk


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def lanes() -> tuple[Lanes, Clock]:
    clock = Clock()
    return Lanes(8, patience_seconds=3, rest_seconds=60, clock=clock), clock


async def talks(found: Lanes, stack: AsyncExitStack, count: int, provider: str = "a.test") -> list[Talk]:
    return [await stack.enter_async_context(found.talking_to(provider)) for _ in range(count)]


async def test_two_places_are_never_one_providers() -> None:
    found, _ = lanes()
    async with AsyncExitStack() as stack:
        begun = await talks(found, stack, 6)
        seventh = asyncio.create_task(talks(found, stack, 1))
        await asyncio.sleep(3 * LOOK_SECONDS)
        assert not seventh.done()
        await talks(found, stack, 2, "b.test")
        for talk in begun:
            talk.answered = True
        async with AsyncExitStack() as first:
            first.push_async_exit(stack.pop_all())
        await asyncio.wait_for(seventh, 1)


async def test_a_silent_provider_gets_no_more_and_takes_no_place() -> None:
    found, clock = lanes()
    async with AsyncExitStack() as stack:
        await talks(found, stack, 6)
        waiting = asyncio.create_task(talks(found, stack, 1))
        await asyncio.sleep(0)
        assert found.stuck() == 0
        clock.now = 3.1
        with pytest.raises(ProviderSilent):
            await waiting
        with pytest.raises(ProviderSilent):
            await talks(found, stack, 1)
        await talks(found, stack, 1, "b.test")
        assert found.stuck() == 6
    assert found.stuck() == 0
    with pytest.raises(ProviderSilent):
        async with found.talking_to("a.test"):
            pass
    clock.now = 63.2
    async with found.talking_to("a.test") as talk:
        talk.answered = True


async def test_one_that_broke_off_at_once_is_not_silent() -> None:
    found, _ = lanes()
    async with found.talking_to("a.test"):
        pass
    async with found.talking_to("a.test") as talk:
        talk.answered = True


async def test_a_slow_one_that_answers_is_given_its_time() -> None:
    found, clock = lanes()
    async with found.talking_to("a.test") as talk:
        clock.now = 10
        talk.answered = True
    async with AsyncExitStack() as stack:
        (second,) = await talks(found, stack, 1)
        clock.now = 25
        (third,) = await talks(found, stack, 1)
        second.answered = third.answered = True
        clock.now = 31
        with pytest.raises(ProviderSilent):
            await talks(found, stack, 1)
