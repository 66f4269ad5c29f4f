"""A pooled connection that died while it idled is replaced before anybody works with it."""

import asyncio
from collections.abc import Callable

from sqlalchemy import text

from shared.db import direct
from shared.db.engine import PING_AFTER_IDLE_SECONDS, Database
from tests.kit.spine import SYSTEM, build_counters

CUT_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> $1"


async def cut_everybody(url: str) -> None:
    connection = await direct.connect(url, "test")
    await connection.execute(CUT_OTHERS, connection.get_server_pid())
    await direct.close(connection)


async def backend(db: Database) -> int:
    async with db.read() as session:
        pid: int = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    return pid


async def test_a_connection_that_its_server_closed_is_replaced(fresh_database: Callable[..., str]) -> None:
    db = Database(fresh_database("counters", build_counters), "test", pool_size=1, max_overflow=0)
    first = await backend(db)
    assert await backend(db) == first
    await cut_everybody(db.url)
    await asyncio.sleep(0.1)
    assert await backend(db) != first
    await db.dispose()


async def test_one_that_was_lost_unnoticed_is_found_by_asking(fresh_database: Callable[..., str]) -> None:
    """As when a firewall forgets it: our end still looks open, so only a question finds out."""
    db = Database(fresh_database("counters", build_counters), "test", pool_size=1, max_overflow=0)
    async with db.read() as session:
        raw = await (await session.connection()).get_raw_connection()
        assert raw.driver_connection is not None
        raw.driver_connection.is_closed = lambda: False
    first = await backend(db)
    await cut_everybody(db.url)
    await asyncio.sleep(PING_AFTER_IDLE_SECONDS + 0.1)
    async with db.write(SYSTEM) as uow:
        now = (await uow.session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    assert now != first
    await db.dispose()
