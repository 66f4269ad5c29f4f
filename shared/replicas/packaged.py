"""Which packaged years this database has seen, and since when: a release may bring a holiday notice, as an event may.

A row is added when a release packages other papers than the one before it, never changed: it says what was known from
that moment on. What the first release brought was always known.
"""

import hashlib
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.dialects.postgresql import insert

from shared.calendar import Calendar, Notice, national, packaged_notices
from shared.db.sessions import AnySession
from shared.db.uow import UnitOfWork
from shared.replicas.tables import calendar_releases

NOTED_EVERY_SECONDS = 3600.0
"""A release is noted when its worker starts; after that the worker's loop only finds it noted."""


async def note_release(uow: UnitOfWork) -> date | None:
    """Keep what this release packages; return the first day that it may have changed, None if it changed nothing.

    Of several workers that start at once one is told the day; the row that it writes turns the others away.
    """
    seen = await _seen(uow.session)
    before, now = (set(seen[-1].papers.split(",")) if seen else set()), set(_papers())
    if before == now:
        return None
    values = {"position": len(seen), "papers": ",".join(_papers()), "seen_at": uow.now}
    row = insert(calendar_releases).values(values).on_conflict_do_nothing().returning(calendar_releases.c.position)
    written = (await uow.session.execute(row)).scalar()
    if written is None or not seen:
        return None
    # 29–31 December of the year before belong to a notice.
    return date(min(_year(paper) for paper in before ^ now) - 1, 12, 29)


async def known(session: AnySession, known_at: datetime) -> Calendar:
    """Return the packaged calendar as a release that had run by this moment knew it."""
    seen = await _seen(session)
    if not seen:
        return national()
    release = next((row for row in reversed(seen) if row.seen_at <= known_at), seen[0])
    return _calendar(frozenset(paper.partition(":")[0] for paper in release.papers.split(",")), national())


@lru_cache(maxsize=16)
def _calendar(names: frozenset[str], newest: Calendar) -> Calendar:
    """The calendar of the papers of these names; a paper that this release words anew counts as the same one."""
    notices = [notice for name, notice in _named() if name in names]
    return newest if len(notices) == len(_named()) else Calendar.build(notices)


async def _seen(session: AnySession) -> list[Row[Any]]:
    """The releases in order; there are as many as packaged other years than the one before."""
    rows: Select[Any] = select(calendar_releases.c.papers, calendar_releases.c.seen_at)
    return list((await session.execute(rows.order_by(calendar_releases.c.position))).all())


def _named() -> list[tuple[str, Notice]]:
    """Each packaged paper by its year and its place among the versions of that year."""
    versions: dict[int, int] = {}
    named = []
    for notice in packaged_notices():
        versions[notice.year] = versions.get(notice.year, 0) + 1
        named.append((f"{notice.year}/{versions[notice.year]}", notice))
    return named


def _papers() -> list[str]:
    """The name of each paper and a digest of the days it decides."""
    return [f"{name}:{_digest(notice)}" for name, notice in _named()]


def _digest(notice: Notice) -> str:
    off = sorted(day for holiday in notice.holidays for day in holiday.days())
    return hashlib.sha256(repr((off, sorted(notice.make_up_days))).encode()).hexdigest()[:8]


def _year(paper: str) -> int:
    return int(paper.partition("/")[0])
