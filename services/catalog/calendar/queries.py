"""Reads of holiday notices, and what a notice would change before it is published."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.catalog.calendar.models import CalendarNotice
from services.catalog.calendar.rules import (
    DayChange,
    MissingHoliday,
    NoticeData,
    changes,
    dropped_days,
    missing_holidays,
    next_version,
    notice_of,
    subject_of,
)
from shared.calendar import Calendar, InvalidNotice, civil_day, packaged_notices
from shared.db.clock import read_now
from shared.db.pages import Page, page
from shared.db.sessions import AnySession
from shared.errors import NotFound
from shared.replicas import calendars
from shared.replicas.arrangement import Arrangement


@dataclass(frozen=True)
class Preview:
    """What publishing a notice would mean: its version, and the days whose kind changes."""

    version: int
    days: list[DayChange]
    missing: list[MissingHoliday]
    calendar_version_before: str
    calendar_version_after: str
    last_published_year_after: int
    repeats: bool
    paper: Arrangement


async def get(session: AnySession, notice_id: UUID) -> CalendarNotice:
    """Return one version of one year; raises NotFound."""
    notice = await session.get(CalendarNotice, notice_id)
    if notice is None:
        raise NotFound("没有这份放假通知。")
    return notice


async def listing(
    session: AnySession, *, year: int | None = None, cursor: str | None = None, limit: int = 50
) -> Page[CalendarNotice]:
    """Return a page of notices, newest first."""
    statement = select(CalendarNotice)
    if year is not None:
        statement = statement.where(CalendarNotice.year == year)
    return await page(session, statement, [(CalendarNotice.id, UUID)], cursor=cursor, limit=limit, descending=True)


async def versions(session: AnySession, year: int, local_agency_id: UUID | None) -> list[int]:
    """Return the versions that exist. Packaged national notices count, so that ours lie above them."""
    wanted = select(CalendarNotice.version).where(CalendarNotice.subject == subject_of(year, local_agency_id))
    entered = list((await session.execute(wanted)).scalars())
    packaged = [n for n in packaged_notices() if n.year == year] if local_agency_id is None else []
    return [*entered, *range(1, len(packaged) + 1)]


async def preview(session: AnySession, data: NoticeData, local_agency_id: UUID | None) -> Preview:
    """Check a notice and say what it would change; raises InvalidNotice."""
    if data.issued is not None and data.issued > civil_day(await read_now(session)):
        # No day before it would cite the paper.
        raise InvalidNotice(f"印发日期 {data.issued} 晚于今天。")
    before = await calendars.current(session, local_agency_id)
    if local_agency_id is None and data.year > before.last_published_year + 1:
        # Dates in the years between would pass for certain.
        raise InvalidNotice(f"须先录入 {before.last_published_year + 1} 年的放假通知。")
    notice = notice_of(data)
    kept = await calendars.arranged_at(session, data.year, local_agency_id)
    paper = _behind(Arrangement.of_notice(notice, local_agency_id), kept, before)
    after = (await calendars.supposing(session, [local_agency_id], paper))[local_agency_id]
    unmoved = (before.kinds, before.last_published_year) == (after.kinds, after.last_published_year)
    missing = (
        missing_holidays(notice, before)
        if local_agency_id is None
        else dropped_days(paper.off, kept.off if kept else ())
    )
    return Preview(
        version=next_version(await versions(session, data.year, local_agency_id)),
        days=changes(before, after, data.year),
        missing=missing,
        calendar_version_before=before.version,
        calendar_version_after=after.version,
        last_published_year_after=after.last_published_year,
        repeats=await _repeats(session, data, local_agency_id, unmoved=unmoved),
        paper=paper,
    )


def _behind(paper: Arrangement, kept: Arrangement | None, before: Calendar) -> Arrangement:
    """The paper, with the earlier ones that its days go on resting on: entered at run time, or packaged."""
    if kept is not None:
        return paper.instead_of(kept)
    packaged = next((each for each in before.notices if each.year == paper.year), None)
    if packaged is None or paper.local_agency_id is not None:
        return paper
    return paper.after(packaged.holidays, packaged.make_up_days.values())


async def _repeats(session: AnySession, data: NoticeData, local_agency_id: UUID | None, *, unmoved: bool) -> bool:
    """Whether the newest version says the same; for a year without one of ours, whether no day would change."""
    newest = select(CalendarNotice).where(CalendarNotice.subject == subject_of(data.year, local_agency_id))
    kept = (await session.execute(newest.order_by(CalendarNotice.version.desc()).limit(1))).scalar()
    if kept is None:
        return unmoved
    said = (holiday_lines(data), make_up_lines(data), data.number, data.title, data.issued)
    return said == (kept.holidays, kept.make_up_days, kept.number, kept.title, kept.issued)


def holiday_lines(data: NoticeData) -> str:
    """The holidays as they are kept: a line each."""
    return "\n".join(f"{name} {first} {last}" for name, first, last in data.holidays)


def make_up_lines(data: NoticeData) -> str:
    """The make-up days as they are kept: a line each."""
    return "\n".join(day.isoformat() for day in data.make_up_days)
