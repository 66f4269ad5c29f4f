"""Where a command takes place: the agency, its line up the tree, and its calendar, in one statement.

Nothing of it is remembered from one transaction to the next, except that calendar rows never change: the statement
says which of them hold, and a calendar once built of these stays right.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from shared.calendar import Calendar
from shared.db.uow import UnitOfWork
from shared.replicas import calendars
from shared.replicas.agencies import not_ready
from shared.replicas.tree import MAX_LEVELS

ASK = f"""
    WITH RECURSIVE {{part}} path (id, depth) AS (
        SELECT ${{first}}::uuid, 0
        UNION SELECT parent_id, depth + 1 FROM path JOIN agency_replica USING (id)
               WHERE parent_id IS NOT NULL AND depth < {MAX_LEVELS}
    ), line AS MATERIALIZED (SELECT DISTINCT id FROM path)
    SELECT code, name, active, ARRAY(SELECT id FROM line) AS line, ARRAY(
        SELECT held.id FROM calendar_replica AS held
         WHERE (local_agency_id IS NULL OR local_agency_id IN (SELECT id FROM line)) AND NOT EXISTS (
               SELECT FROM calendar_replica AS newer WHERE newer.year = held.year AND newer.version > held.version
                  AND newer.local_agency_id IS NOT DISTINCT FROM held.local_agency_id)
         ORDER BY year, id) AS calendar, {{beside}} AS beside
      FROM agency_replica WHERE id = ${{first}}
"""
ALONE = ASK.format(part="", beside="NULL", first=1)
COLUMNS = ("code", "name", "active", "line", "calendar", "beside")


@dataclass(frozen=True, slots=True)
class Place:
    """An agency as a command needs it; `line` holds it and those above it."""

    id: UUID
    code: str
    name: str
    active: bool
    line: frozenset[UUID]
    calendar: Calendar


async def place_of(uow: UnitOfWork, agency_id: UUID) -> Place:
    """Return where an agency stands; raises ReplicaNotReady."""
    return (await _asked(uow, ALONE, agency_id))[0]


async def place_and(uow: UnitOfWork, agency_id: UUID, part: str, *values: Any) -> tuple[Place, Any]:
    """Return where an agency stands, and the one value of a part that writes; raises ReplicaNotReady.

    In `part` the agency is `$1`, and `values` begin at `$2`.
    """
    return await _asked(uow, _with(part), agency_id, *values)


@cache
def _with(part: str) -> str:
    return ASK.format(part=f"part AS ({part}),", beside="(SELECT * FROM part)", first=1)


def place_asked(first: int, beside: str) -> str:
    """Return the query for a place, as part of another one: the agency is `$first`, `beside` one more value."""
    return ASK.format(part="", beside=beside, first=first)


def is_told(uow: UnitOfWork) -> bool:
    """Whether `place_asked` was part of the unit of work's question."""
    return COLUMNS[-1] in uow.told[0]


async def place_told(uow: UnitOfWork, agency_id: UUID) -> tuple[Place, Any]:
    """Return what `place_asked` found as part of the unit of work's question; raises ReplicaNotReady."""
    told = uow.told[0]
    if told["code"] is None:
        raise not_ready(agency_id)
    return await _of(uow, agency_id, *(told[name] for name in COLUMNS))


async def _asked(uow: UnitOfWork, question: str, agency_id: UUID, *values: Any) -> tuple[Place, Any]:
    found = await uow.fetch(question, agency_id, *values)
    if not found:
        raise not_ready(agency_id)
    return await _of(uow, agency_id, *found[0])


async def _of(uow: UnitOfWork, agency_id: UUID, *told: Any) -> tuple[Place, Any]:
    code, name, active, line, rows, beside = told
    calendar = calendars.kept(tuple(rows)) or await calendars.of_rows(uow.session, tuple(rows))
    return Place(agency_id, code, name, active, frozenset(line), calendar), beside
