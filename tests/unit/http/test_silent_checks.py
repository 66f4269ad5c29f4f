"""A scrape or a check that is cut: what it left is told at once, and nobody hears of it afterwards."""

import asyncio
import gc
from typing import Any

import pytest
from fastapi import FastAPI

from shared.http import health


async def reluctant() -> None:
    """Asks a server that is silent, and fails late when it is told to leave it."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0.05)
        raise OSError("the connection was lost")


async def test_numbers_that_could_not_be_read_are_marked_before_the_scrape_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    marked = list[str]()

    async def refresh() -> None:
        try:
            await health.without_farewell(reluctant())
        finally:
            marked.append("NaN")

    app = FastAPI()
    app.state.refreshes = [refresh]
    await health.refresh_all(app)
    assert marked == ["NaN"]


async def test_what_fails_after_it_was_cut_troubles_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.05)
    heard = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: heard.append(told))

    async def check() -> health.CheckResult:
        await reluctant()
        return health.CheckResult()

    found = await health.readiness({"database": check})
    assert found.checks["database"].reason == "0.05 秒内无响应"
    await asyncio.sleep(0.2)
    gc.collect()
    assert heard == []
