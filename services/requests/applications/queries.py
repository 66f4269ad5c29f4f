"""Reads of cases: lists cost the same number of statements however many they show, and a case is dated as of today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Text, Uuid, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import defer

from services.requests.applications.case import READERS, calendar_of, facts_of
from services.requests.applications.history import Fact, Position, reading, standing
from services.requests.applications.models import Application, CaseEntry
from services.requests.applications.rules import Standing, check_entered
from services.requests.clock.rules import ClockReading
from services.requests.desk import Desk
from services.requests.extensions.models import Extension
from services.requests.replies.models import Reply
from services.requests.third_parties.models import Consultation
from shared.auth import Principal
from shared.auth.scope import require, visible
from shared.calendar import Calendar, civil_day
from shared.db.clock import now_column, read_now
from shared.db.pages import Page, page
from shared.db.sessions import AnySession
from shared.errors import NotFound
from shared.events.requests import ApplicationState
from shared.replicas import agencies, calendars
from shared.replicas.tables import agency_replica

DUE_SOON_WORKING_DAYS = 5


class Bucket(StrEnum):
    """The three lists that every office keeps: 即将逾期, 逾期未办, 逾期已办."""

    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    DONE_LATE = "done_late"


class Sort(StrEnum):
    """In which order a list comes."""

    REGISTERED_AT = "registered_at"
    DUE_ON = "due_on"


@dataclass(frozen=True)
class Filter:
    """What a list shows."""

    state: ApplicationState | None = None
    bucket: Bucket | None = None
    due_before: date | None = None
    agency_id: UUID | None = None
    receipt_number: str | None = None


@dataclass(frozen=True)
class Line:
    """A case in a list: its row, and where it stands today."""

    row: Application
    agency_name: str
    state: ApplicationState
    left: int | None
    overdue_by: int | None


@dataclass(frozen=True)
class View:
    """A case with everything that staff may see, as of `today`."""

    row: Application
    agency_name: str
    standing: Standing
    calendar: Calendar
    today: date
    facts: Sequence[Fact]
    consultations: Sequence[Consultation]
    extensions: Sequence[Extension]
    reply: Reply | None
    same_applicant: int

    @property
    def position(self) -> Position:
        return Position(self.row.received_on, self.row.regulation_override)

    def reading(self, desk: Desk, as_of: date | None = None) -> ClockReading | None:
        """Return the clock's answer with its ledger, or None while no receipt day is known.

        `as_of`: at the end of that day, by what happened until then; today's calendar counts it all the same.
        """
        last, facts = self.row.closed_on or self.today, self.facts
        if as_of is not None and self.row.received_on is not None:
            check_entered(as_of, today=self.today, not_before=self.row.received_on)
            last, facts = min(as_of, last), [fact for fact in facts if fact.on <= as_of]
        return reading(self.position, facts, calendar=self.calendar, rules=desk.rules, as_of=last)


async def listing(
    session: AnySession, principal: Principal, wanted: Filter, *, sort: Sort, cursor: str | None, limit: int
) -> Page[Line]:
    """Return a page of the cases the principal may see: the newest first, or those with a due day by it."""
    seen = await visible(session, principal, READERS)
    today = civil_day(await read_now(session))
    cases = select(Application).where(Application.agency_id.in_(seen)).options(defer(Application.personal_sealed))
    soon = today
    if wanted.bucket is Bucket.DUE_SOON:
        soon = (await calendars.current(session)).add_working_days(today, DUE_SOON_WORKING_DAYS)
    statement = _filtered(cases, wanted, today, soon)
    by_due_day = sort is Sort.DUE_ON
    keys = [(Application.due_on, date) if by_due_day else (Application.registered_at, datetime), (Application.id, UUID)]
    if by_due_day:
        statement = _with_due_day(statement, wanted)
    found = await page(session, statement, keys, cursor=cursor, limit=limit, descending=not by_due_day)
    shown = {row.agency_id for row in found.items}
    names, calendar_of_agency = await agencies.names(session, shown), await calendars.of_agencies(session, shown)
    lines = [
        Line(
            row,
            names.get(row.agency_id, ""),
            state_on(row, today),
            left_on(row, today, calendar_of_agency[row.agency_id]),
            overdue_by(state_on(row, today), row.due_on, today, calendar_of_agency[row.agency_id]),
        )
        for row in found.items
    ]
    return Page(lines, found.next_cursor)


def _filtered(statement: Select[Application], wanted: Filter, today: date, soon: date) -> Select[Application]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.receipt_number is not None:
        conditions.append(Application.receipt_number == wanted.receipt_number)
    if wanted.agency_id is not None:
        conditions.append(Application.agency_id == wanted.agency_id)
    if wanted.due_before is not None:
        conditions += [Application.closed_on.is_(None), Application.due_on < wanted.due_before]
    if wanted.bucket is not None:
        conditions.append(_in_bucket(wanted.bucket, today, soon))
    if wanted.state is not None:
        conditions.append(_in_state(wanted.state, today))
    return statement.where(*conditions)


def _with_due_day(statement: Select[Application], wanted: Filter) -> Select[Application]:
    """What has no due day has no place in the order; closed cases are left out unless they are asked for."""
    statement = statement.where(Application.due_on.is_not(None))
    if wanted.state is None and wanted.bucket is None:
        statement = statement.where(Application.closed_on.is_(None))
    return statement


def _overdue(today: date) -> ColumnElement[bool]:
    """An open case whose certain due day has passed; on a provisional day nothing is late."""
    return and_(Application.closed_on.is_(None), Application.due_on < today, Application.provisional.is_(False))


def _in_bucket(bucket: Bucket, today: date, soon: date) -> ColumnElement[bool]:
    if bucket is Bucket.OVERDUE:
        return _overdue(today)
    if bucket is Bucket.DONE_LATE:
        return Application.state == ApplicationState.REPLIED_LATE.value
    return and_(Application.closed_on.is_(None), Application.due_on.between(today, soon))


def _in_state(state: ApplicationState, today: date) -> ColumnElement[bool]:
    """Rows keep the state of their last change; a day that passed since then may have made one overdue."""
    stored = Application.state == state.value
    if state is ApplicationState.OVERDUE:
        return _overdue(today)
    if state not in (ApplicationState.RUNNING, ApplicationState.PAUSED):
        return stored
    resumed = Application.paused_until < today  # null while not paused, or paused without a term
    if state is ApplicationState.PAUSED:
        stored = and_(stored, func.coalesce(resumed, False).is_(False))
    else:
        stored = or_(stored, and_(Application.state == ApplicationState.PAUSED.value, resumed))
    return and_(stored, or_(Application.due_on >= today, Application.provisional.is_(True)))


def state_on(row: Application, today: date) -> ApplicationState:
    """Return the state as of today, whether or not a timer has already written it."""
    state = ApplicationState(row.state)
    if state is ApplicationState.PAUSED and row.paused_until is not None and row.paused_until < today:
        state = ApplicationState.RUNNING
    if state in (ApplicationState.RUNNING, ApplicationState.PAUSED) and row.due_on is not None:
        return ApplicationState.OVERDUE if row.due_on < today and not row.provisional else state
    return state


def left_on(row: Application, today: date, calendar: Calendar) -> int | None:
    """Return the working days left as of today; those of a paused or waiting case stand still."""
    if state_on(row, today) is not ApplicationState.RUNNING or row.due_on is None:
        return 0 if state_on(row, today) is ApplicationState.OVERDUE else row.left_days
    return max(calendar.working_days_between(today, row.due_on), 0)


def overdue_by(state: ApplicationState, due_on: date | None, today: date, calendar: Calendar) -> int | None:
    """Return how many working days the due day of an overdue case lies back; None for every other case."""
    if state is not ApplicationState.OVERDUE or due_on is None:
        return None
    return calendar.working_days_between(due_on, today)


async def view(session: AnySession, principal: Principal, desk: Desk, application_id: UUID) -> View:
    """Return one case with its parts; raises NotFound or Forbidden."""
    return await view_of(session, desk, await visible_row(session, principal, application_id))


async def visible_row(session: AnySession, principal: Principal, application_id: UUID) -> Application:
    """Return the row of a case that the principal may read."""
    row = await session.get(Application, application_id)
    if row is None:
        raise NotFound("没有这件申请。")
    await require(session, principal, READERS, row.agency_id)
    return row


async def view_of(session: AnySession, desk: Desk, row: Application) -> View:
    """Return what is shown of a case that the caller may see."""
    around = await _surroundings(session, row)
    calendar = await calendar_of(session, row)
    facts = await facts_of(session, row.id)
    position = Position(row.received_on, row.regulation_override)
    today = civil_day(around.now)
    replies = await _parts(session, Reply, row.id) if around.replies else []
    return View(
        row=row,
        agency_name=around.agency_name or "",
        standing=standing(position, facts, calendar=calendar, rules=desk.rules, today=today),
        calendar=calendar,
        today=today,
        facts=facts,
        consultations=await _parts(session, Consultation, row.id) if around.consultations else [],
        extensions=await _parts(session, Extension, row.id) if around.extensions else [],
        reply=replies[0] if replies else None,
        same_applicant=around.same_applicant,
    )


def _around() -> Select[Any]:
    case, agency_id = bindparam("case", type_=Uuid), bindparam("agency", type_=Uuid)
    agency = select(agency_replica.c.name).where(agency_replica.c.id == agency_id)
    # 重复申请 and Art. 35 look at one applicant's other cases at one agency.
    others = select(func.count()).where(
        Application.agency_id == agency_id,
        Application.id_number_blind == bindparam("person", type_=Text),
        Application.id != case,
    )
    return select(
        now_column().label("now"),
        agency.scalar_subquery().label("agency_name"),
        others.scalar_subquery().label("same_applicant"),
        *(
            exists().where(model.application_id == case).label(model.__tablename__)
            for model in (Consultation, Extension, Reply)
        ),
    )


AROUND = _around()  # built once: building it costs more than running it


async def _surroundings(session: AnySession, row: Application) -> Row[Any]:
    """Return the moment, the agency's name, how many other cases the applicant has, and which parts this one has."""
    values = {"case": row.id, "agency": row.agency_id, "person": row.id_number_blind}
    around: Row[Any] = (await session.execute(AROUND, values)).one()
    return around


async def _parts(session: AnySession, model: Any, application_id: UUID) -> list[Any]:
    wanted = select(model).where(model.application_id == application_id).order_by(model.id)
    return list((await session.execute(wanted)).scalars())


async def entries_of(session: AnySession, application_id: UUID) -> list[CaseEntry]:
    """Return the history as people read it: in order of day, within a day as recorded."""
    wanted = select(CaseEntry).where(CaseEntry.application_id == application_id)
    return list((await session.execute(wanted.order_by(CaseEntry.on, CaseEntry.sequence))).scalars())
