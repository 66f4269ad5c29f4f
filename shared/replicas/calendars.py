"""The working-day calendar as each service knows it: the packaged years, overlaid by replicated holiday notices.

Of two versions of a year the higher holds. Local days (minority festivals, 放假办法第四条) apply to the agency that set
them and to what lies below it. Nothing is edited in place: each version is its own row, and an event that comes again
changes nothing.
"""

import json
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, func, insert, select

from shared.calendar import Calendar, OutsideCalendar, end_of_day, national, packaged_notices
from shared.db.base import UtcDateTime
from shared.db.ids import uuid7
from shared.db.sessions import AnySession
from shared.db.uow import UnitOfWork
from shared.events import Envelope
from shared.events.catalog import CalendarPublished
from shared.replicas import packaged
from shared.replicas.arrangement import Arrangement
from shared.replicas.tables import agency_replica, calendar_replica
from shared.replicas.tree import MAX_LEVELS, ancestors

KEPT_CALENDARS = 64

_built: OrderedDict[tuple[str, tuple[UUID, ...]], Calendar] = OrderedDict()


async def current(session: AnySession, agency_id: UUID | None = None, *, known_at: datetime | None = None) -> Calendar:
    """Return the calendar that holds now, with the local days of the agency and of those above it.

    With `known_at`, the calendar that held at that moment: notices in effect by then on the years packaged by then.
    """
    base = None if known_at is None else await packaged.known(session, known_at)
    return await of_rows(session, await _heads(session, agency_id, known_at), base)


async def of_agencies(session: AnySession, agency_ids: Collection[UUID]) -> dict[UUID, Calendar]:
    """Return the calendar of each agency, in the same few statements however many they are."""
    rows = await _newest(session, None)
    parents = await _parents(session, any(row.local_agency_id is not None for row in rows))
    return {each: await of_rows(session, _held(rows, _line(each, parents))) for each in agency_ids}


async def supposing(
    session: AnySession, agency_ids: Collection[UUID | None], paper: Arrangement
) -> dict[UUID | None, Calendar]:
    """Return the calendar of each agency as it would be with `paper` published: it takes the place of its year's."""
    newest = await _newest(session, None)
    rows = [row for row in newest if (row.year, row.local_agency_id) != (paper.year, paper.local_agency_id)]
    local = paper.local_agency_id is not None or any(row.local_agency_id is not None for row in rows)
    parents = await _parents(session, local)
    made: dict[tuple[UUID, ...], Calendar] = {}
    found = {}
    for each in agency_ids:
        line = _line(each, parents)
        ids = _held(rows, line)
        if paper.local_agency_id not in line:
            found[each] = await of_rows(session, ids)
            continue
        if ids not in made:
            arranged = sorted([*await arrangements(session, ids), paper], key=lambda one: one.year)
            made[ids] = overlaid(national(), arranged)
        found[each] = made[ids]
    return found


async def arranged_at(session: AnySession, year: int, local_agency_id: UUID | None) -> Arrangement | None:
    """Return what the newest notice of a year says at this one place, if there is one."""
    rows = await _newest(session, None)
    ids = [row.id for row in rows if (row.year, row.local_agency_id) == (year, local_agency_id)]
    return next(iter(await arrangements(session, ids)), None) if ids else None


async def _parents(session: AnySession, wanted: bool) -> Mapping[UUID, UUID | None]:
    """Return the agencies and those above them; they matter to local days only."""
    if not wanted:
        return {}
    tree = await session.execute(select(agency_replica.c.id, agency_replica.c.parent_id))
    return {row.id: row.parent_id for row in tree}


def _held(rows: Iterable[Row[Any]], line: Collection[UUID | None]) -> tuple[UUID, ...]:
    """The rows that hold in this line."""
    return tuple(row.id for row in rows if row.local_agency_id in line)


def _line(agency_id: UUID | None, parents: Mapping[UUID, UUID | None]) -> frozenset[UUID | None]:
    """The country, the agency and those above it; a damaged tree (a loop) ends."""
    line: set[UUID | None] = {None}
    above = agency_id
    for _ in range(MAX_LEVELS):
        line.add(above)
        above = None if above is None else parents.get(above)
    return frozenset(line)


async def _heads(session: AnySession, agency_id: UUID | None, known_at: datetime | None) -> tuple[UUID, ...]:
    """Return the rows that hold, national and of the agency's line."""
    rows = await _newest(session, known_at)
    place: frozenset[UUID | None] = frozenset((None,))
    if agency_id is not None and any(row.local_agency_id is not None for row in rows):
        place |= {agency_id} | await ancestors(session, agency_id)
    return _held(rows, place)


async def _newest(session: AnySession, known_at: datetime | None) -> list[Row[Any]]:
    """Return the newest version of each year and scope, of those in effect at a moment if one is given."""
    if known_at is None:
        return list((await session.execute(HEADS)).all())
    return list((await session.execute(HEADS_KNOWN_AT, {"known_at": known_at})).all())


def _statement(*conditions: ColumnElement[bool]) -> Select[Any]:
    table = calendar_replica.c
    versions = select(table.year, table.local_agency_id, func.max(table.version).label("version")).where(*conditions)
    newest = versions.group_by(table.year, table.local_agency_id).subquery()
    same_place = newest.c.local_agency_id.is_not_distinct_from(table.local_agency_id)
    on = and_(newest.c.year == table.year, newest.c.version == table.version, same_place)
    return select(table.id, table.year, table.local_agency_id).join(newest, on).order_by(table.year, table.id)


HEADS = _statement()  # built once: it runs at nearly every request
HEADS_KNOWN_AT = _statement(calendar_replica.c.effective_from <= bindparam("known_at", type_=UtcDateTime))


async def as_known(session: AnySession, day: date, agency_id: UUID | None = None) -> Calendar:
    """Return the calendar as it was known at the end of a day: papers issued, and notices in effect, by then.

    Of the packaged years this leaves out what was issued later, so that 2015 before May has no 3 September.
    """
    issued = [paper.issued for paper in packaged_notices() if paper.issued is not None and paper.issued <= day]
    if not issued:
        raise OutsideCalendar(f"没有 {day} 以前的放假通知。")
    ids = await _heads(session, agency_id, end_of_day(day))
    # By the day of the last paper, so that the calendars kept are as few as the papers.
    return overlaid(national(max(issued)), await arrangements(session, ids))


def kept(ids: tuple[UUID, ...], base: Calendar | None = None) -> Calendar | None:
    """Return the calendar of these rows on `base` (the packaged one) if it was built before; rows never change."""
    base = base or national()
    if not ids:
        return base
    key = base.version, ids
    if key in _built:
        _built.move_to_end(key)
    return _built.get(key)


async def of_rows(session: AnySession, ids: tuple[UUID, ...], base: Calendar | None = None) -> Calendar:
    """Return the calendar of these rows, which are ordered by year and id, on `base` (the packaged one)."""
    base = base or national()
    calendar = kept(ids, base)
    if calendar is None:
        calendar = _built[base.version, ids] = overlaid(base, await arrangements(session, ids))
        if len(_built) > KEPT_CALENDARS:
            _built.popitem(last=False)
    return calendar


def overlaid(calendar: Calendar, arranged: Sequence[Arrangement]) -> Calendar:
    """Return `calendar` with these years and local days."""
    years = [each.notice() for each in arranged if each.local_agency_id is None]
    local = [day for each in arranged if each.local_agency_id is not None for day in each.holidays()]
    changed = calendar.with_year(*years) if years else calendar
    return changed.with_local_holidays(sorted(local, key=lambda day: day.first)) if local else changed


async def arrangements(session: AnySession, ids: Collection[UUID]) -> list[Arrangement]:
    """Return what these rows say, in their order."""
    table = calendar_replica.c
    found = await session.execute(select(calendar_replica).where(table.id.in_(ids)).order_by(table.year, table.id))
    return [Arrangement.of_row(row) for row in found]


async def keep(uow: UnitOfWork, event: CalendarPublished) -> bool:
    """Keep a version of a notice; return whether it was new here."""
    table = calendar_replica.c
    known = select(table.id).where(
        table.year == event.year,
        table.version == event.version,
        table.local_agency_id.is_not_distinct_from(event.local_agency_id),
    )
    if (await uow.session.execute(known)).first() is not None:
        return False
    values = event.model_dump(exclude={"holidays", "make_up_days", "earlier_papers"})
    joined = {name: ",".join(map(str, getattr(event, name))) for name in ("holidays", "make_up_days")}
    joined["earlier_papers"] = json.dumps([paper.model_dump(mode="json") for paper in event.earlier_papers])
    await uow.session.execute(insert(calendar_replica).values(id=uuid7(), **values, **joined))
    return True


async def on_calendar_published(uow: UnitOfWork, envelope: Envelope[CalendarPublished]) -> None:
    """Consumer of `calendar.published.v1`."""
    await keep(uow, envelope.data)
