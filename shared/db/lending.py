"""A service's connections: a few, opened when they are wanted, kept open, and lent to one user at a time.

SQLAlchemy opens them and closes them. Its own pool is left out: taking a connection from it and giving it back costs
more than a statement does, and it gives a free one to whoever asks first, where ours come in the order of asking.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.db.silence import NoAnswer

ERRORS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)
"""What the driver raises."""
PING_AFTER_IDLE_SECONDS = 1.0
FAREWELL_SECONDS = 1.0


def left(within_seconds: float | None, began: float) -> float | None:
    """Return what is left of a limit for waiting, if there is one: a little at least. `began` is monotonic."""
    return None if within_seconds is None else max(within_seconds - (time.monotonic() - began), 0.1)


@dataclass(slots=True)
class Lent:
    """One connection, as SQLAlchemy knows it and as the driver does. `idle_since` is monotonic, in seconds.

    `info` is what SQLAlchemy lets one keep with it.
    """

    connection: AsyncConnection
    driver: asyncpg.Connection
    info: dict[Any, Any]
    idle_since: float = 0.0

    @property
    def is_sound(self) -> bool:
        """Whether it may be lent again, as far as is known without asking the server."""
        return not (self.driver.is_closed() or self.connection.invalidated)

    @property
    def is_warm(self) -> bool:
        """Whether it is sound and was used a moment ago."""
        return self.is_sound and time.monotonic() - self.idle_since < PING_AFTER_IDLE_SECONDS

    async def give_up(self) -> None:
        """Cut it, without waiting for a server that may be gone; sessions that know it can still be closed."""
        self.driver.terminate()  # SQLAlchemy would say goodbye first, and wait for an answer
        await self.connection.invalidate()

    async def drop(self) -> None:
        """Close it for good, likewise."""
        await self.give_up()
        await self.connection.close()


class Connections:
    """Never more than `size`. Who waits longer than `wait_seconds` for one is told so (TimeoutError of SQLAlchemy)."""

    def __init__(self, engine: AsyncEngine, size: int, wait_seconds: float) -> None:
        self._engine = engine
        self._wait_seconds = wait_seconds
        self._turns = asyncio.Semaphore(size)
        self._idle: list[Lent] = []  # the few that are warm do the work
        self.lent = 0

    async def take(self, within_seconds: float | None = None) -> Lent:
        """Return a connection that answers, in the given time if one is given; whoever takes it gives it back."""
        if self._idle and not self._turns.locked() and self._idle[-1].is_warm:
            await self._turns.acquire()  # at once
            self.lent += 1
            return self._idle.pop()
        began = time.monotonic()
        await self._turn(within_seconds)
        self.lent += 1
        try:
            return await self._sound(left(within_seconds, began))
        except BaseException:
            self._release()
            raise

    async def _sound(self, within_seconds: float | None) -> Lent:
        """Return one that answers in time."""
        try:
            async with asyncio.timeout(within_seconds):
                return await self._kept_or_opened()
        except TimeoutError:
            await self._forget_idle()  # they most likely lead to where nobody answers, too
            raise NoAnswer("no connection to the database in time") from None

    async def _kept_or_opened(self) -> Lent:
        while self._idle:
            lent = self._idle.pop()
            if await self._answers(lent):
                return lent
            await self._forget_idle()
        return await self._opened()

    async def give(self, lent: Lent) -> None:
        """Take a connection back; one that is broken is not used again."""
        try:
            if lent.is_sound:
                lent.idle_since = time.monotonic()
                self._idle.append(lent)
            else:
                await asyncio.shield(lent.drop())
        finally:
            self._release()

    async def close(self) -> None:
        """Close those that idle: politely, but a server that does not answer is not waited for."""
        idle, self._idle = self._idle, []
        if idle:
            await asyncio.wait([asyncio.create_task(_bid_farewell(lent)) for lent in idle])

    async def _turn(self, within_seconds: float | None) -> None:
        wait_seconds = self._wait_seconds if within_seconds is None else min(within_seconds, self._wait_seconds)
        try:
            async with asyncio.timeout(wait_seconds):
                await self._turns.acquire()
        except TimeoutError:
            raise PoolTimeout(f"no connection was free for {wait_seconds} s") from None

    def _release(self) -> None:
        self.lent -= 1
        self._turns.release()

    async def _opened(self) -> Lent:
        connection = await self._engine.connect()
        opened = connection.sync_connection
        assert opened is not None
        driver: asyncpg.Connection = opened.connection.driver_connection
        return Lent(connection, driver, opened.info)

    async def _answers(self, lent: Lent) -> bool:
        """Try a connection that has idled for a while: its server may have gone meanwhile. If not, drop it.

        A busy one is spared the question: who opens a session asks the time first, under a time limit, and that is as
        good. One that its server closed is known without asking.
        """
        if lent.is_sound:
            if lent.is_warm:
                return True
            try:
                await lent.driver.fetchrow(";")
                return True
            except ERRORS:
                pass
            except BaseException:
                await asyncio.shield(lent.drop())
                raise
        await asyncio.shield(lent.drop())
        return False

    async def _forget_idle(self) -> None:
        """Drop those that were kept: what ended one of them has most likely ended all."""
        while self._idle:
            await asyncio.shield(self._idle.pop().drop())


async def _bid_farewell(lent: Lent) -> None:
    with suppress(*ERRORS):
        await lent.driver.close(timeout=FAREWELL_SECONDS)
    await lent.drop()
