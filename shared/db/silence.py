"""A database that keeps silent is asked by one at a time; whoever comes meanwhile is refused almost at once.

A dead server refuses by itself. One that is stopped, or behind a wall that drops everything, is told from a slow one
only by waiting, and nobody need wait to hear what another is about to find out.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeout

REMEMBERED_SECONDS = 5.0
HEARING_SECONDS = 0.3  # so long an answer to another is waited for: at an outage's end it comes at once


class NoAnswer(PoolTimeout):
    """The database said nothing in time to what it answers at once if it can, and what waits for no lock.

    That all connections were in use, or that a statement took long, is another matter.
    """


class Silence:
    """Remembers for a while that somebody had no answer, and nobody else has had one since he asked."""

    def __init__(self) -> None:
        self._asking = 0
        self._kept_until = 0.0
        self._answered_at = 0.0
        self._answered = asyncio.Event()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Stands around the wait for a connection and for its first answer, which has a limit.

        Raises `NoAnswer` soon when somebody else has just met silence, and who asks now hears nothing either.
        """
        if self._asking and time.monotonic() < self._kept_until:
            await self._heard()
        began = time.monotonic()
        self._asking += 1
        try:
            yield
            self._answered_at, self._kept_until = time.monotonic(), 0.0
            self._answered.set()
        except NoAnswer:
            if self._answered_at < began:
                self._kept_until = time.monotonic() + REMEMBERED_SECONDS
                self._answered.clear()
            raise
        finally:
            self._asking -= 1

    async def _heard(self) -> None:
        """Wait a little for the answer to another's question."""
        try:
            async with asyncio.timeout(HEARING_SECONDS):
                await self._answered.wait()
        except TimeoutError:
            raise NoAnswer("the database keeps silent, and is being asked already") from None
