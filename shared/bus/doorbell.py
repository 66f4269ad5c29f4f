"""Tells the relay, wherever it runs, that something was committed: NOTIFY after the commit, coalesced.

Inside a business transaction NOTIFY would take a lock that all commits of the cluster share. Here one is sent at
once and the next at the earliest some milliseconds later, however many commits lie between.
"""

import asyncio

import asyncpg
import structlog

from shared.bus.outbox import CHANNEL
from shared.db import direct
from shared.db.engine import Database

log = structlog.get_logger(__name__)
COALESCE_SECONDS = 0.005
RECONNECT_SECONDS = 0.5


class Doorbell:
    """Rings for commits of `db` that wrote events, unless the relay beside it takes them all.

    Without it the relay's poll finds them a little later.
    """

    def __init__(self, db: Database) -> None:
        self._url = db.url
        self._name = f"lantai-{db.service}-doorbell"
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        db.on_commit(self._ring)

    def _ring(self) -> bool:
        self._rung.set()
        return True

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1.5)
            self._task = None

    async def _run(self) -> None:
        connection: asyncpg.Connection | None = None
        try:
            while True:
                await self._rung.wait()
                self._rung.clear()
                pause = COALESCE_SECONDS
                try:
                    connection = connection or await direct.connect(self._url, self._name)
                    await connection.execute(f"NOTIFY {CHANNEL}")
                except direct.UNREACHABLE:
                    pause = RECONNECT_SECONDS if connection is None else COALESCE_SECONDS
                    connection = None
                    self._rung.set()
                except Exception:  # the relay polls meanwhile, but nobody would ring again
                    log.exception("doorbell failed", doorbell=self._name)
                    connection = None
                await asyncio.sleep(pause)
        finally:
            if connection is not None:
                await direct.close(connection)
