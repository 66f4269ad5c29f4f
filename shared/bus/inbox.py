"""The inbox: an event takes effect in the transaction that writes its id here, so it takes effect once.

Two members of a group that hold the same event at one time (a rebalance, a stopped process) meet at this insert: the
second waits for the first's transaction, and then finds the event done or does it itself.

Of a few events the ids are written last, in the one statement that writes the effects too, as long as no handler asks
anything of the database: then they are written before it is answered. Who comes second has written nothing
(`shared.db.trouble.overtaken`), and begins again by claiming.
"""

from collections.abc import Sequence
from uuid import UUID

from shared.bus.incoming import Incoming
from shared.bus.parked import SOME_PARKED, Place, maybe_parked, parked_among
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
_CLAIM_WITH_EFFECTS = """
    INSERT INTO inbox (event_id, type)
    SELECT event_id, coalesce(type, {2}) FROM unnest({0}::uuid[], {1}::text[]) AS given (event_id, type)
"""
_LOOK = f"""
    SELECT {BUSINESS_NOW} AS now, {SOME_PARKED} AS some_parked,
           EXISTS (SELECT FROM inbox WHERE event_id = ANY($1::uuid[])) AS some_known
"""


def look(events: Sequence[Incoming]) -> Question:
    """Ask ahead of the transaction whether anything is known of these events."""
    return Question(_LOOK, ([event.event_id for event in events],), ahead=True)


def claim_with_effects(uow: UnitOfWork, events: Sequence[Incoming]) -> bool:
    """Claim the events together with what they write; False if they have to be claimed first.

    That is so when one has taken effect before, stands among these twice, or has a key that may be parked.
    """
    ((_, some_parked, some_known),) = uow.told
    twice = len({event.event_id for event in events}) < len(events)
    if some_known or twice or maybe_parked(events, some_parked):
        return False
    uow.begin_with(_CLAIM_WITH_EFFECTS, *_ids(events))
    return True


def claim(events: Sequence[Incoming]) -> Question:
    """Write the events' ids as the first thing of a unit of work."""
    return Question(_CLAIM, _ids(events))


def _ids(events: Sequence[Incoming]) -> tuple[list[UUID], list[str], str]:
    """Return the ids, sorted, with their types, or no types and the one that all have."""
    ordered = sorted(events, key=_number)
    kind = ordered[0].type
    types = [] if all(event.type == kind for event in ordered) else [event.type for event in ordered]
    return [event.event_id for event in ordered], types, kind


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
