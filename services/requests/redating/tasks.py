"""The background loops: one notes what a release packages, one works off re-dating jobs."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.requests.desk import Desk
from services.requests.redating.commands import on_release, redate_chunk
from shared.db.engine import Database
from shared.db.uow import Actor

log = structlog.get_logger()


async def note_release(db: Database) -> None:
    """Ask for open cases to be dated anew if this release packages other years than the one before it."""
    async with db.write(Actor.system(db.service)) as uow:
        await on_release(uow)


async def redate_all(db: Database, desk: Desk) -> int:
    """Work off what is open; return how many chunks were dated."""
    chunks = 0
    while True:
        async with db.write(Actor.system(db.service)) as uow:
            if not await redate_chunk(uow, desk):
                return chunks
        chunks += 1


def redating_loop(db: Database, desk: Desk) -> Callable[[], Awaitable[None]]:
    """Return the loop; it ends only by being cancelled, and outlives a database that is away."""

    async def run() -> None:
        while True:
            try:
                await redate_all(db, desk)
            except Exception as error:  # the job's row is untouched: the next round goes on behind the last commit
                log.warning("redating_failed", error=repr(error))
            await asyncio.sleep(desk.settings.redating_poll_seconds)

    return run
