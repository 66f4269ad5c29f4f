"""A pooled connection that died while it idled is replaced before anybody works with it."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy import event, text

from shared.db.engine import Database
from shared.db.lending import PING_AFTER_IDLE_SECONDS
from tests.kit.postgres import PostgresServer
from tests.kit.spine import SYSTEM, build_counters

CUT_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
       AND pid <> pg_backend_pid()
"""
MINE = text("SELECT pg_backend_pid()")


def cut_everybody(postgres: PostgresServer, db: Database) -> None:
    postgres.execute(CUT_OTHERS, url=db.url)


def cut_unnoticed(postgres: PostgresServer, db: Database) -> None:
    """This thread's event loop stands still meanwhile, so our end still looks open, as behind a firewall."""
    cut_everybody(postgres, db)
    time.sleep(PING_AFTER_IDLE_SECONDS + 0.1)


async def used(db: Database) -> int:
    """Read once; return which connection served."""
    async with db.read() as session:
        pid: int = (await session.execute(MINE)).scalar_one()
    return pid


async def test_a_connection_that_its_server_closed_is_replaced(
    fresh_database: Callable[..., str], postgres: PostgresServer
) -> None:
    db = Database(fresh_database("counters", build_counters), "test", pool_size=1)
    first = await used(db)
    assert await used(db) == first
    cut_everybody(postgres, db)
    await asyncio.sleep(0.1)
    assert await used(db) != first
    await db.dispose()


async def test_one_that_was_lost_unnoticed_is_found_by_asking(
    fresh_database: Callable[..., str], postgres: PostgresServer
) -> None:
    db = Database(fresh_database("counters", build_counters), "test", pool_size=1)
    first = await used(db)
    cut_unnoticed(postgres, db)
    async with db.write(SYSTEM) as uow:
        assert (await uow.session.execute(MINE)).scalar_one() != first
    await db.dispose()


async def test_a_crowd_makes_no_connections_that_are_closed_again(counters_url: str) -> None:
    """Opening one costs more than a command does."""
    db = Database(counters_url, "test", pool_size=3)
    made = list[object]()
    event.listen(db.engine.sync_engine, "connect", lambda connection, _: made.append(connection))
    for _ in range(3):
        await asyncio.gather(*(used(db) for _ in range(20)))
    assert len(made) == 3
    await db.dispose()
