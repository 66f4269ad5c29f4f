"""What a holiday notice would do to the open cases, before anybody publishes it.

Every open case is looked at, however many there are: a page of plain rows at a time, of which counts are kept and the
first that move. Reads only.
"""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, tuple_

from services.requests.applications.case import facts_of_many
from services.requests.applications.history import CLOCKED, Position, Standings
from services.requests.applications.models import Application
from services.requests.desk import Desk
from services.requests.redating.rules import first_changed_on
from shared.calendar import Calendar, civil_day
from shared.db.bulk import one_of
from shared.db.clock import read_now
from shared.db.sessions import AnySession
from shared.replicas import calendars
from shared.replicas.arrangement import Arrangement

CASES_A_PAGE = 2_000
LISTED_AT_MOST = 200
COLUMNS = (
    Application.id,
    Application.agency_id,
    Application.receipt_number,
    Application.received_on,
    Application.regulation_override,
    Application.due_on,
    Application.provisional,
)


@dataclass(frozen=True)
class Moved:
    """An open case whose due day, or its certainty, would change."""

    application_id: UUID
    receipt_number: str
    due_on_before: date
    due_on_after: date
    provisional_before: bool
    provisional_after: bool


@dataclass(frozen=True)
class Preview:
    """How many open cases were looked at (all in sight), how many would move, and the first of those.

    Cases out of the caller's sight that the same act would move are counted, and nothing more is said of them.
    """

    looked_at: int
    moved_total: int
    moved_elsewhere: int
    moved: list[Moved]


@dataclass(frozen=True)
class Change:
    """An agency's calendar as it would be, and the first day on which it differs from today's."""

    after: Calendar
    first_on: date


async def preview(session: AnySession, desk: Desk, places: frozenset[UUID], paper: Arrangement) -> Preview:
    """Date all open cases by the calendar that publishing `paper` would make; name those of these agencies."""
    counted = select(Application.agency_id, func.count().label("open")).where(
        Application.closed_on.is_(None), Application.due_on.is_not(None)
    )
    found_of = await session.execute(counted.group_by(Application.agency_id))
    open_cases = {row.agency_id: row.open for row in found_of}
    changes = await _changes(session, open_cases, paper)
    today = civil_day(await read_now(session))
    readers = {change.after: Standings(change.after, desk.rules, today) for change in changes.values()}
    total, elsewhere, listed = 0, 0, list[Moved]()
    async for rows in _touched(session, changes):
        facts = await facts_of_many(session, [row.id for row in rows], CLOCKED)
        for row in rows:
            position, read = Position(row.received_on, row.regulation_override), readers[changes[row.agency_id].after]
            found = read.of(position, facts.get(row.id, []))
            before, after = (row.due_on, row.provisional), (found.due_on, found.provisional)
            if found.due_on is None or before == after:
                continue
            if row.agency_id not in places:
                elsewhere += 1
            else:
                total += 1
                if len(listed) < LISTED_AT_MOST:
                    sides = row.due_on, found.due_on, row.provisional, found.provisional
                    listed.append(Moved(row.id, row.receipt_number, *sides))
    looked_at = sum(count for agency_id, count in open_cases.items() if agency_id in places)
    return Preview(looked_at, total, elsewhere, listed)


async def _changes(session: AnySession, agency_ids: Collection[UUID], paper: Arrangement) -> dict[UUID, Change]:
    """Return what changes for each of these agencies; calendars that several share are compared once."""
    before = await calendars.of_agencies(session, agency_ids)
    after = await calendars.supposing(session, agency_ids, paper)
    pairs = {agency_id: (before[agency_id], after[agency_id]) for agency_id in agency_ids}
    first_on = {pair: first_changed_on(*pair) for pair in set(pairs.values())}
    changed = ((agency_id, pair[1], first_on[pair]) for agency_id, pair in pairs.items())
    return {agency_id: Change(calendar, day) for agency_id, calendar, day in changed if day is not None}


async def _touched(session: AnySession, changes: dict[UUID, Change]) -> AsyncIterator[list[Any]]:
    """Give the open cases that a change can touch, page by page, those that fall due first first."""
    if not changes:
        return
    earliest = min(change.first_on for change in changes.values())
    wanted = select(*COLUMNS).where(
        Application.closed_on.is_(None), Application.due_on >= earliest, one_of(Application.agency_id, changes)
    )
    key = tuple_(Application.due_on, Application.id)
    ordered = wanted.order_by(Application.due_on, Application.id).limit(CASES_A_PAGE)
    rows: list[Any] = list(await session.execute(ordered))
    while rows:
        yield [row for row in rows if row.due_on >= changes[row.agency_id].first_on]
        rows = list(await session.execute(ordered.where(key > tuple_(rows[-1].due_on, rows[-1].id))))
