"""The database's clock by dead reckoning: its last answer, and the time that has passed here since.

It saves a question, not the database's word: whoever writes by it has the same statement ask `HOLDS`, and writes
nothing when it does not (the clock was set, or its offset changed, or somebody learned wrongly).
"""

import time
from datetime import datetime, timedelta

from shared.db.clock import BUSINESS_NOW

TOLERANCE_SECONDS = 0.05
HOLDS = f"abs(extract(epoch FROM {BUSINESS_NOW} - {{0}}::timestamptz)) < {TOLERANCE_SECONDS}"
"""Whether the time at `{0}`, reckoned when the statement was sent, is the database's."""


class ReckonedClock:
    """What one database's business clock most likely shows."""

    def __init__(self) -> None:
        self._fix: tuple[datetime, float] | None = None

    def learn(self, now: datetime, asked_at: float) -> None:
        """Take the answer to a question that was sent at `asked_at` (monotonic, seconds); one that came late says
        only that what was known may be wrong.
        """
        self._fix = (now, asked_at) if time.monotonic() - asked_at < TOLERANCE_SECONDS else None

    def now(self) -> datetime | None:
        """Return the time, or None while nothing is known of it."""
        if self._fix is None:
            return None
        now, asked_at = self._fix
        return now + timedelta(seconds=time.monotonic() - asked_at)
