"""The business time of a read: the same clock as a unit of work's `now`, which is what writes use.

A session has one now, as a unit of work has: it is asked once, by whoever opens the session.
"""

from datetime import datetime

from sqlalchemy import ColumnElement, literal_column, text

from shared.db.base import UtcDateTime
from shared.db.sessions import AnySession

BUSINESS_NOW = "now() + make_interval(secs => coalesce((SELECT seconds FROM clock_offset), 0))"
ASK_NOW = f"SELECT {BUSINESS_NOW} AS now"
NOW = text(ASK_NOW)
ASKED = "now"


async def read_now(session: AnySession) -> datetime:
    """Return the database's time at the first question, shifted by `clock_offset` (development and test only)."""
    now: datetime | None = session.info.get(ASKED)
    if now is None:
        now = (await session.execute(NOW)).scalar_one()
        know_now(session, now)
    return now


def know_now(session: AnySession, now: datetime) -> None:
    """Tell a session the time that whoever opened it has asked for."""
    session.info[ASKED] = now


def now_column() -> ColumnElement[datetime]:
    """Return the same moment as a column, for a statement that reads other things too."""
    return literal_column(f"({BUSINESS_NOW})", UtcDateTime())
