"""Branches are closed side by side, each in its own order, and one that fails keeps no other from closing."""

import asyncio

import pytest

from shared.service.branches import Branches


async def test_each_is_closed_while_the_others_are() -> None:
    both = asyncio.Barrier(2)
    closed: list[str] = []

    async def meet() -> None:
        await both.wait()

    async with asyncio.timeout(5), Branches() as branches:
        for name in ("log", "database"):
            branch = branches.branch()
            branch.callback(closed.append, name)
            branch.push_async_callback(meet)
    assert sorted(closed) == ["database", "log"]


async def test_one_that_fails_is_told_when_all_are_closed() -> None:
    closed: list[str] = []

    async def fail() -> None:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        async with Branches() as branches:
            branches.branch().push_async_callback(fail)
            branches.branch().callback(closed.append, "database")
    assert closed == ["database"]
