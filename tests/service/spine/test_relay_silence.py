"""A log that keeps silent: what is waited for is said; a relay whose session is lost meanwhile sends nothing more."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from shared.bus.relay import Relay
from shared.bus.transport import Record
from shared.db.engine import Database
from tests.kit.logs import lines, logged
from tests.kit.spine import SYSTEM, emit, running, some_ids, until
from tests.service.spine.test_relay import Log, published


@pytest.fixture
def log() -> Log:
    return Log()


async def test_a_batch_that_gets_no_answer_is_said_to_be_that(
    counters: Database, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the log is silent nothing has failed yet; readiness says what is waited for."""
    monkeypatch.setattr("shared.bus.relay.ILL_AFTER_SECONDS", 0.5)
    log.hangs.clear()
    relay = Relay(counters, log, lease_seconds=0.6)
    async with running(relay):
        await emit(counters, some_ids(1)[0], 1)

        async def ill() -> bool:
            return "the log has acknowledged nothing of this batch for " in relay.health().reason

        await until(ill)
        log.hangs.set()
        await until(lambda: published(counters))

        async def well() -> bool:
            return relay.health().ok

        await until(well)


async def test_an_answer_that_comes_while_the_session_is_being_kept_alive_loses_nothing(
    counters: Database, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has its answer waits for that question's end: the mark is the next one on the same connection."""
    asking, asked = asyncio.Event(), asyncpg.Connection.fetchval

    async def slowly(self: asyncpg.Connection, query: str, *arguments: Any, **named: Any) -> Any:
        if query != "SELECT 1":
            return await asked(self, query, *arguments, **named)
        asking.set()
        return await asked(self, "SELECT 1 FROM pg_sleep(0.5)", *arguments, **named)

    monkeypatch.setattr(asyncpg.Connection, "fetchval", slowly)
    log.hangs.clear()
    with logged("tests") as output:
        async with running(Relay(counters, log, lease_seconds=3)):
            await emit(counters, some_ids(1)[0], 1)
            await asyncio.wait_for(asking.wait(), 10)
            log.hangs.set()
            await until(lambda: published(counters))
        assert lines(output) == []
    assert len(log.taken) == 1


async def test_a_session_that_is_lost_while_the_log_is_silent_stops_the_publishing(counters: Database) -> None:
    """By then another relay may have the lock: what this one still had in hand must not go."""

    class Silent(Log):
        def __init__(self) -> None:
            super().__init__()
            self.stopped = 0

        async def publish(self, records: Sequence[Record], timeout_seconds: float = 30) -> None:
            try:
                await super().publish(records, timeout_seconds)
            except asyncio.CancelledError:
                self.stopped += 1
                raise

    log, (a,) = Silent(), some_ids(1)
    log.hangs.clear()

    async def stopped() -> bool:
        return log.stopped == 1

    async with running(Relay(counters, log, lease_seconds=0.6)):
        await emit(counters, a, 1)
        await asyncio.sleep(0.5)
        async with counters.write(SYSTEM) as uow:
            await uow.session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%-relay'")
            )
        await until(stopped, 3)
        log.hangs.set()
        await until(lambda: published(counters))
    assert log.numbers() == {str(a): [1]}
