"""A release that packages other years than the one before it: open due days follow, as they follow a notice."""

from services.catalog.calendar.commands import REDATE_DOCUMENTS, REDATE_OBLIGATIONS
from services.catalog.calendar.rules import subject_of
from shared.db.engine import Database
from shared.db.uow import Actor
from shared.replicas import packaged


async def note_release(db: Database) -> None:
    """Note what this release packages; if it changed a day, ask for the open due days to be dated anew."""
    async with db.write(Actor.system(db.service)) as uow:
        changed_on = await packaged.note_release(uow)
        if changed_on is None:
            return
        subject = subject_of(changed_on.year + 1, None)
        for kind in (REDATE_DOCUMENTS, REDATE_OBLIGATIONS):
            uow.schedule(subject, kind, uow.now)
