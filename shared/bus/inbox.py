"""The inbox: an event takes effect in the transaction that writes its id here, so it takes effect once.

Two members of a group that hold the same event at one time (a rebalance, a stopped process) meet at this insert: the
second waits for the first's transaction, and then finds the event done or does it itself.

Of a few events the ids are written last, in the one statement that writes the effects too, as long as no handler asks
anything of the database: then they are written before it is answered. If something is known of an event, nothing has
been written, and they are begun again by claiming.
"""

from collections.abc import Sequence
from uuid import UUID

from shared.bus.incoming import Incoming
from shared.bus.parked import SOME_PARKED, Place, parked_among
from shared.db.clock import BUSINESS_NOW
from shared.db.reckoning import HOLDS
from shared.db.uow import Presumption, Question, UnitOfWork

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
# What must not be claimed so has no id here, and the table refuses that as it refuses an id that it has. One event, as
# there is most often, costs PostgreSQL a fifth less by itself than in lists of one.
_CLAIM_ONE_WITH_EFFECTS = f"""
    INSERT INTO inbox (event_id, type) VALUES (
        CASE WHEN {HOLDS} AND NOT EXISTS (SELECT FROM parked_keys WHERE topic = {{3}} AND key = {{4}})
        THEN {{1}}::uuid END, {{2}}
    )
"""
_CLAIM_WITH_EFFECTS = f"""
    INSERT INTO inbox (event_id, type)
    SELECT CASE WHEN (
        SELECT {HOLDS} AND NOT EXISTS (
            SELECT FROM parked_keys WHERE topic = ANY({{4}}::text[]) AND key = ANY({{5}}::text[])
        )
    ) THEN event_id END, coalesce(type, {{3}})
    FROM unnest({{1}}::uuid[], {{2}}::text[]) AS given (event_id, type)
"""


def claim_with_effects(events: Sequence[Incoming]) -> Presumption:
    """Claim the events together with what they write, presuming that nothing is known of them.

    If one has taken effect before, stands among these twice, or has a key that is parked, or if the time is not the
    reckoned one, nothing is written, and they have to be claimed first.
    """
    if len(events) == 1:
        (event,) = events
        return Presumption(_CLAIM_ONE_WITH_EFFECTS, (event.event_id, event.type, *event.place))
    topics, keys = ({event.record.topic for event in events}, {event.record.key for event in events})
    return Presumption(_CLAIM_WITH_EFFECTS, (*_ids(events), list(topics), list(keys)))


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
