"""The working calendar itself, day by day: as it stands, or as it was known on an earlier day."""

from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from shared.calendar import Calendar, DayKind, OutsideCalendar
from shared.errors import Category, DomainError
from shared.http.bodies import Day, Output
from shared.http.openapi import PUBLIC
from shared.http.problems import responses
from shared.http.sessions import Read
from shared.replicas import calendars

router = APIRouter(prefix="/calendar", tags=["工作日历"])
MOST_DAYS = 400


class BadSpan(DomainError):
    """The days asked for are turned round, or too many."""

    code = "bad_calendar_span"
    title = "起止日期有误"
    category = Category.UNPROCESSABLE


class CalendarDayBody(Output):
    """One day: whether offices work, why, by which law and notice, and whether a notice may still change it."""

    on: date
    working: bool
    kind: DayKind
    provisional: bool = Field(description="暂定：决定这一天的放假通知尚未发布")
    citation: str


class CalendarBody(Output):
    """The days of a span in one version of the calendar."""

    calendar_version: str
    final_through: date = Field(description="此日以后的日期为暂定")
    days: list[CalendarDayBody]


@router.get(
    "",
    summary="逐日工作日历",
    openapi_extra=PUBLIC,
    responses=responses(422, examples={422: (BadSpan, OutsideCalendar)}),
)
async def get_calendar(
    session: Read,
    first: Annotated[Day, Query(description="起始日")],
    last: Annotated[Day, Query(description=f"截止日，与起始日相距不超过 {MOST_DAYS} 日")],
    known_on: Annotated[Day | None, Query(description="按该日终了时已知的放假通知；不填为现在")] = None,
    agency_id: Annotated[UUID | None, Query(description="计入该机关的地方假日")] = None,
) -> CalendarBody:
    """Say of each day whether it works and why; with `known_on`, as it was known at the end of that day."""
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise BadSpan(f"截止日不能早于起始日，且相距不超过 {MOST_DAYS} 日。")
    if known_on is None:
        calendar = await calendars.current(session, agency_id)
    else:
        calendar = await calendars.as_known(session, known_on, agency_id)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return CalendarBody(
        calendar_version=calendar.version,
        final_through=calendar.final_through,
        days=[_day(calendar, day) for day in days],
    )


def _day(calendar: Calendar, day: date) -> CalendarDayBody:
    return CalendarDayBody(
        on=day,
        working=calendar.is_working(day),
        kind=calendar.kind(day),
        provisional=calendar.is_provisional(day),
        citation=calendar.citation(day),
    )
