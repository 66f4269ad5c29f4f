"""The steps of the background loops: two note what a release packages and a setting says, one works off the jobs."""

from services.requests.desk import Desk
from services.requests.redating.commands import on_release, on_setting, redate_chunk
from shared.db.engine import Database
from shared.db.uow import Actor


async def note_release(db: Database) -> None:
    """Ask for open cases to be dated anew if this release packages other years than the one before it."""
    async with db.write(Actor.system(db.service)) as uow:
        await on_release(uow)


async def note_reminder_days(db: Database, desk: Desk) -> None:
    """Ask for open cases to be planned anew if their reminders were planned for other days than those set now."""
    async with db.write(Actor.system(db.service)) as uow:
        await on_setting(uow, desk)


async def redate_all(db: Database, desk: Desk) -> int:
    """Work off what is open; return how many chunks were dated."""
    chunks = 0
    while True:
        async with db.write(Actor.system(db.service)) as uow:
            if not await redate_chunk(uow, desk):
                return chunks
        chunks += 1
