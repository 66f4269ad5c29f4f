"""Closing a database's connections ends soon, also when its server is silent: a process has ten seconds in all."""

import asyncio
import os
import signal
from collections.abc import Callable

from sqlalchemy import text

from shared.db.engine import Database
from tests.kit.spine import build_counters

CONNECTIONS = 5
MINE = text("SELECT pg_backend_pid(), pg_sleep(0.1)")


async def used(db: Database) -> int:
    async with db.read() as session:
        pid: int = (await session.execute(MINE)).scalar_one()
    return pid


async def test_a_silent_server_is_not_waited_for(fresh_database: Callable[..., str]) -> None:
    db = Database(fresh_database("counters", build_counters), "test", pool_size=CONNECTIONS)
    backends = set(await asyncio.gather(*(used(db) for _ in range(CONNECTIONS))))
    assert len(backends) == CONNECTIONS
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with asyncio.timeout(3):
            await db.dispose()
    finally:
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
