"""What day it is to the service: portals need it before they offer a date, and the story before it chooses one."""

from datetime import date, datetime

from fastapi import APIRouter
from pydantic import Field

from shared.calendar import civil_day
from shared.db.clock import read_now
from shared.http.bodies import Output
from shared.http.openapi import PUBLIC
from shared.http.sessions import Read
from shared.replicas import calendars

router = APIRouter(tags=["期限计算"])


class TodayBody(Output):
    """The moment and the civil day by the database's clock, and how far the calendar is final."""

    now: datetime
    today: date = Field(description="北京时间的今天")
    working_day: bool = Field(description="今天是否工作日")
    next_working_day: date = Field(description="今天或其后的第一个工作日")
    final_through: date = Field(description="此日以后的日期为暂定（放假通知尚未发布）")
    calendar_version: str


@router.get("/today", summary="今天与日历", openapi_extra=PUBLIC)
async def get_today(session: Read) -> TodayBody:
    """Say what day it is in Asia/Shanghai, whether it is a working day, and until when the calendar is published."""
    now = await read_now(session)
    today = civil_day(now)
    calendar = await calendars.current(session)
    return TodayBody(
        now=now,
        today=today,
        working_day=calendar.is_working(today),
        next_working_day=calendar.next_working_day(today),
        final_through=calendar.final_through,
        calendar_version=calendar.version,
    )
