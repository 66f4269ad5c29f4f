"""A loop in the background that is started, watched and stopped like every other part of a worker."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from shared.db.retry import Backoff
from shared.telemetry.health import Health

log = structlog.get_logger(__name__)


class Background:
    """Runs `work`, which loops for ever; what it trips over is logged, and it begins again after a growing pause."""

    def __init__(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        self.name = name
        self._work = work
        self._backoff = Backoff()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""

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
                await self._work()
                return
            except Exception as error:  # the loop of a task must outlive any one failure
                self._trouble = repr(error)
                log.error("background task failed", task=self.name, exc_info=True)
            await asyncio.sleep(self._backoff.pause())
            self._trouble = ""


def every(seconds: float, step: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """Return a loop that calls `step` again at once while it finds work (something true), else after a pause."""

    async def loop() -> None:
        while True:
            if not await step():
                await asyncio.sleep(seconds)

    return loop
