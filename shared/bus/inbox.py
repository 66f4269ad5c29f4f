"""The inbox: an event takes effect in the transaction that writes its id here, so it takes effect once.

Two members of a group that hold the same event at one time (a rebalance, a stopped process) meet at this insert: the
second waits for the first's transaction, and then finds the event done or does it itself.
"""

from collections.abc import Sequence
from uuid import UUID

from shared.bus.incoming import Incoming
from shared.bus.parked import SOME_PARKED, Place, parked_among
from shared.db.uow import BUSINESS_NOW, Question, UnitOfWork

# Ids go in sorted, so that two batches with the same events wait for each other instead of deadlocking. What is usual
# is said shortly: no list of types where all are of one, no list of ids where all were claimed.
_CLAIM = f"""
    WITH claimed AS (
        INSERT INTO inbox (event_id, type)
        SELECT event_id, coalesce(type, $3) FROM unnest($1::uuid[], $2::text[]) AS given (event_id, type)
        ON CONFLICT DO NOTHING RETURNING event_id
    )
    SELECT {BUSINESS_NOW} AS now, {SOME_PARKED} AS some_parked, (
        SELECT CASE WHEN count(*) < cardinality($1) THEN coalesce(array_agg(event_id), '{{}}') END FROM claimed
    ) AS claimed
"""


def claim(events: Sequence[Incoming]) -> Question:
    """Write the events' ids as the first thing of a unit of work."""
    ordered = sorted(events, key=_number)
    kind = ordered[0].type
    types = [] if all(event.type == kind for event in ordered) else [event.type for event in ordered]
    return Question(_CLAIM, ([event.event_id for event in ordered], types, kind))


async def claimed(uow: UnitOfWork, events: Sequence[Incoming]) -> tuple[Sequence[Incoming], set[Place]]:
    """Return those of the claimed events, each once, that had not taken effect before, and which keys are parked."""
    ((_, some_parked, found),) = uow.told
    if found is None:
        # Whoever parks a key claims its event first. We claimed all of ours and waited for nobody, so no key of theirs
        # was parked after we looked.
        return events, await parked_among(uow, events, some_parked)
    ours = set(found)
    fresh = [event for event in events if _taken(ours, event.event_id)]
    return fresh, await parked_among(uow, fresh)


def _taken(ours: set[UUID], event_id: UUID) -> bool:
    """Whether the id is ours, once: the same event may stand twice in a batch."""
    found = event_id in ours
    ours.discard(event_id)
    return found


def _number(event: Incoming) -> int:
    """Sort by this: comparing the ids themselves is ten times slower."""
    return event.event_id.int
