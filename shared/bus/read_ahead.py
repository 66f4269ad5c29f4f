"""Reads the next batch while the last one is settled: Python decodes while PostgreSQL writes.

A subscription is in the hands of one task at a time, so whoever wants it waits until nothing is being read. What was
read ahead is given out next, or forgotten together with the subscription: a batch dropped in between would be lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Batch = TypeVar("Batch")


class ReadAhead(Generic[Batch]):
    """`fetch` gives the next batch. Used by one task."""

    def __init__(self, fetch: Callable[[], Awaitable[Batch]]) -> None:
        self._fetch = fetch
        self._task: asyncio.Task[Batch] | None = None

    async def next(self) -> Batch:
        """Return what was read ahead, else read now. Raises what the reading raised."""
        task, self._task = self._task, None
        return await (task or self._fetch())

    def begin(self) -> None:
        """Start to read the batch that `next` will give."""
        self._task = asyncio.create_task(self._read(), name="read-ahead")

    async def _read(self) -> Batch:
        return await self._fetch()

    async def idle(self) -> None:
        """Wait until nothing is being read."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.exception()
