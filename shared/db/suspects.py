"""Tells work that costs its connection, again and again, from a database in trouble.

One trouble is nobody's fault: a server restarts, an operator ends a session. But where the same event or timer met it
alone, after the database had answered it and while it answers others, and that many times, there is little left to
blame; and what is tried for ever holds up all that come behind it.
"""

from collections.abc import Collection, Hashable

from shared.db.clock import NOW
from shared.db.engine import Database

TROUBLES_BEFORE_BLAME = 5


class Suspects:
    """How often each piece of work of one process met trouble alone since it, or its neighbours, last did well."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._troubles: dict[Hashable, int] = {}

    async def blamed(self, work: Hashable) -> bool:
        """Note one more trouble; tell whether the work is to blame, once. Raises what a database in trouble raises."""
        async with self._db.read() as session:
            await session.execute(NOW)
        times = self._troubles.pop(work, 0) + 1
        if times < TROUBLES_BEFORE_BLAME:
            self._troubles[work] = times
        return times >= TROUBLES_BEFORE_BLAME

    def keep(self, some: Collection[Hashable]) -> None:
        """Clear all others of suspicion."""
        if self._troubles:
            self._troubles = {work: times for work, times in self._troubles.items() if work in some}
