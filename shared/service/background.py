"""A loop in the background that is started, watched and stopped like every other part of a worker."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.db.retry import Backoff
from shared.db.trouble import describe, transaction_trouble
from shared.telemetry.health import Health
from shared.telemetry.lasting import Lasting

log = structlog.get_logger(__name__)
Well = Callable[[], None]
Work = Callable[[Well], Awaitable[None]]
"""Loops for ever, and calls what it is given whenever it has done what it is for."""


class Background:
    """Runs `work`; what it trips over is told, and it begins again after a growing pause. Ill until it says `well`."""

    def __init__(self, name: str, work: Work) -> None:
        self.name = name
        self._work = work
        self._backoff = Backoff()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._away = Lasting()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self, grace_seconds: float = 3.0) -> None:
        """Cancel it; its transaction, if one is open, is rolled back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=grace_seconds)

    def health(self) -> Health:
        running = self._task is not None and not self._task.done()
        return Health(self.name, running and not self._trouble, self._trouble or ("" if running else "not running"))

    async def _run(self) -> None:
        while True:
            try:
                await self._work(self._well)
                return
            except Exception as error:  # the loop of a task must outlive any one failure
                self._trouble = describe(error)
                self._tell(error)
            await asyncio.sleep(self._backoff.pause())

    def _well(self) -> None:
        self._trouble = ""
        self._backoff.reset()
        if self._away.ended():
            log.info("background task goes on", task=self.name)

    def _tell(self, error: Exception) -> None:
        """A fault is told each time, with where it happened; a server that is away when that begins."""
        if not transaction_trouble(error):
            log.error("background task failed", task=self.name, exc_info=error)
        elif self._away.to_be_told():
            log.warning("background task waits", task=self.name, reason=self._trouble)


def every(seconds: float, step: Callable[[], Awaitable[object]]) -> Work:
    """Return a loop that calls `step` again at once while it finds work (something true), else after a pause."""

    async def loop(well: Well) -> None:
        while True:
            found = await step()
            well()
            if not found:
                await asyncio.sleep(seconds)

    return loop
