"""What a holiday notice would do to the open cases, before anybody publishes it. Reads only, and bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.case import facts_of_many
from services.requests.applications.history import Position, standing
from services.requests.applications.models import Application
from services.requests.desk import Desk
from services.requests.redating.rules import first_changed_on
from shared.auth.scope import ancestors
from shared.calendar import Calendar, Holiday, Notice, civil_day
from shared.db.clock import read_now
from shared.db.sessions import AnySession
from shared.replicas import calendars

LOOKED_AT_MOST = 5_000
Change = Callable[[Calendar], Calendar]


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
    """`complete` is false when there are more open cases than were looked at."""

    looked_at: int
    complete: bool
    moved: list[Moved]


async def preview(
    session: AnySession, desk: Desk, places: frozenset[UUID], notice: Notice | tuple[Holiday, ...], local: UUID | None
) -> Preview:
    """Date these agencies' open cases by the calendar as `notice` (at `local`: its days off) would make it."""
    open_cases = (
        select(Application)
        .where(Application.closed_on.is_(None), Application.due_on.is_not(None), Application.agency_id.in_(places))
        .order_by(Application.id)
        .limit(LOOKED_AT_MOST + 1)
    )
    rows = list((await session.execute(open_cases)).scalars())
    complete = len(rows) <= LOOKED_AT_MOST
    rows = rows[:LOOKED_AT_MOST]
    after_of: dict[UUID, tuple[Calendar, date | None]] = {}
    for agency_id in {row.agency_id for row in rows}:
        before = await calendars.current(session, agency_id)
        after = before
        if isinstance(notice, Notice):
            after = before.with_year(notice)
        elif local == agency_id or local in await ancestors(session, agency_id):
            after = before.with_local_holidays(notice)
        after_of[agency_id] = after, first_changed_on(before, after)
    touched = [row for row in rows if _can_move(row, after_of[row.agency_id][1])]
    facts = await facts_of_many(session, [row.id for row in touched])
    today = civil_day(await read_now(session))
    moved = []
    for row in touched:
        position = Position(row.received_on, row.regulation_override)
        calendar, _ = after_of[row.agency_id]
        found = standing(position, facts.get(row.id, []), calendar=calendar, rules=desk.rules, today=today)
        if row.due_on and found.due_on and (row.due_on, row.provisional) != (found.due_on, found.provisional):
            moved.append(
                Moved(row.id, row.receipt_number, row.due_on, found.due_on, row.provisional, found.provisional)
            )
    return Preview(len(rows), complete, moved)


def _can_move(row: Application, changed_on: date | None) -> bool:
    return changed_on is not None and row.due_on is not None and row.due_on >= changed_on
