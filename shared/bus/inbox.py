"""The inbox: an event takes effect in the transaction that writes its id here, so it takes effect once.

Two members of a group that hold the same event at one time (a rebalance, a stopped process) meet at this insert: the
second waits for the first's transaction, and then finds the event done or does it itself.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from shared.bus.incoming import Incoming
from shared.db.sessions import WriteSession

# Ids go in sorted, so that two batches with the same events wait for each other instead of deadlocking.
_CLAIM = text("""
    INSERT INTO inbox (event_id, type)
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[])) ON CONFLICT DO NOTHING RETURNING event_id
""")


async def claim(session: WriteSession, events: Sequence[Incoming]) -> set[UUID]:
    """Write the events' ids; return those that had not taken effect before."""
    ordered = sorted({event.event_id: event.type for event in events}.items())
    found = await session.execute(_CLAIM, {"ids": [i for i, _ in ordered], "types": [t for _, t in ordered]})
    return set(found.scalars())
