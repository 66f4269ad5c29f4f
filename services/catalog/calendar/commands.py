"""Publishing a holiday notice: a new version, the local replica, the event; open due days follow."""

from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert

from services.catalog.agencies import queries as agencies
from services.catalog.calendar import queries
from services.catalog.calendar.models import CalendarNotice
from services.catalog.calendar.rules import (
    NoticeData,
    NoticeUnchanged,
    NoticeVersionTaken,
    check_complete,
    subject_of,
)
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.sessions import AnySession
from shared.db.uow import UnitOfWork
from shared.events.catalog import CalendarPublished
from shared.replicas import calendars
from shared.replicas.arrangement import Arrangement

REDATE_DOCUMENTS = "calendar_redate_documents"
REDATE_OBLIGATIONS = "calendar_redate_obligations"


async def publish_notice(
    uow: UnitOfWork,
    principal: Principal,
    agency_id: UUID,
    data: NoticeData,
    *,
    local: bool,
    accept_missing: str | None = None,
) -> CalendarNotice:
    """Publish a notice for the whole country (by a root's administrator) or for one agency and what lies below it.

    `accept_missing` says why a notice leaves out a statutory holiday, or a local day off of the version before it;
    without it such a one is refused.
    """
    await require_publisher(uow.session, principal, agency_id, local=local)
    local_agency_id = agency_id if local else None
    found = await queries.preview(uow.session, data, local_agency_id)
    if found.repeats:
        raise NoticeUnchanged
    check_complete(found.missing, accept_missing, local=local)
    notice = await _write(uow, agency_id, data, local_agency_id, found.version)
    left_out = [each.name for each in found.missing]
    await _tell(uow, notice, found.paper, {"missing": left_out, "accept_missing": accept_missing} if left_out else {})
    return notice


async def require_publisher(session: AnySession, principal: Principal, agency_id: UUID, *, local: bool) -> None:
    """Let through who may publish, and so preview, a notice; raises NotFound or Forbidden."""
    await agencies.get(session, agency_id)
    await require(session, principal, (Role.ADMIN,), agency_id)
    if not local:
        await agencies.require_root_admin(session, principal)


async def _write(
    uow: UnitOfWork, agency_id: UUID, data: NoticeData, local_agency_id: UUID | None, version: int
) -> CalendarNotice:
    values = {
        "id": uuid7(),
        "agency_id": agency_id,
        "subject": subject_of(data.year, local_agency_id),
        "year": data.year,
        "version": version,
        "local_agency_id": local_agency_id,
        "number": data.number,
        "title": data.title,
        "issued": data.issued,
        "holidays": queries.holiday_lines(data),
        "make_up_days": queries.make_up_lines(data),
        "effective_from": uow.now,
        "published_by": uow.actor.name,
    }
    written = insert(CalendarNotice).values(values).on_conflict_do_nothing().returning(CalendarNotice.id)
    notice_id = (await uow.session.execute(written)).scalar()
    if notice_id is None:
        raise NoticeVersionTaken
    return await queries.get(uow.session, notice_id)


async def republish(uow: UnitOfWork) -> None:
    """Tell the newest notice of every year and place once more; none is written meanwhile, so it stays the newest."""
    await uow.session.execute(text("LOCK TABLE calendar_notices IN SHARE MODE"))
    newest = select(CalendarNotice).ext(distinct_on(CalendarNotice.subject))
    for notice in await uow.session.scalars(newest.order_by(CalendarNotice.subject, CalendarNotice.version.desc())):
        paper = await calendars.arranged_at(uow.session, notice.year, notice.local_agency_id)
        if paper is not None:
            uow.emit(_published(notice, paper), subject=notice.subject, agency_id=notice.agency_id)


def _published(notice: CalendarNotice, paper: Arrangement) -> CalendarPublished:
    return CalendarPublished(
        year=notice.year,
        version=notice.version,
        notice_number=notice.number,
        notice_date=notice.issued,
        holidays=paper.off,
        make_up_days=paper.works,
        effective_from=notice.effective_from,
        local_agency_id=notice.local_agency_id,
        title=notice.title,
        earlier_papers=paper.earlier,
    )


async def _tell(uow: UnitOfWork, notice: CalendarNotice, paper: Arrangement, accepted: dict[str, object]) -> None:
    event = _published(notice, paper)
    await calendars.keep(uow, event)
    uow.emit(event, subject=notice.subject, agency_id=notice.agency_id)
    for kind in (REDATE_DOCUMENTS, REDATE_OBLIGATIONS):
        uow.schedule(notice.subject, kind, uow.now)
    details = {"year": notice.year, "version": notice.version, "number": notice.number}
    uow.audit("calendar.published", subject=notice.subject, agency_id=notice.agency_id, details=details | accepted)
