"""The business time of a read: the same clock as a unit of work's `now`, which is what writes use."""

from datetime import datetime

from shared.db.sessions import AnySession
from shared.db.uow import NOW


async def read_now(session: AnySession) -> datetime:
    """Return the database's time, shifted by `clock_offset` (development and test only)."""
    now: datetime = (await session.execute(NOW)).scalar_one()
    return now
