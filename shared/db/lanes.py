"""One after another within a process, where the database would make the later one wait or try again anyway.

This is courtesy, not correctness: rows and keys decide. So nobody waits long in a lane, least of all behind somebody
whom a silent database keeps.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID
from weakref import WeakValueDictionary

PATIENCE_SECONDS = 1.0


class Lanes:
    """One lane for each subject that somebody is at."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, subject: UUID) -> AsyncIterator[None]:
        """Wait for the turn in the subject's lane; after a second, go without it."""
        lock = self._locks.get(subject)
        if lock is None:
            lock = self._locks[subject] = asyncio.Lock()
        taken = not lock.locked()
        if taken:
            await lock.acquire()
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    taken = await lock.acquire()
        try:
            yield
        finally:
            if taken:
                lock.release()
