"""The numbers an office watches: open, due soon, overdue, provisional, awaiting confirmation."""

from collections.abc import Awaitable, Callable
from datetime import date

from sqlalchemy import ColumnElement, func, select, true

from services.requests.applications.models import Application
from services.requests.applications.queries import DUE_SOON_WORKING_DAYS
from shared.calendar import Calendar, civil_day
from shared.db.clock import read_now
from shared.db.sessions import ReadSession
from shared.events.requests import ApplicationState
from shared.replicas import calendars
from shared.service.definition import Gauge

Condition = Callable[[date, Calendar], ColumnElement[bool]]


def _counted(condition: Condition) -> Callable[[ReadSession], Awaitable[float]]:
    async def value(session: ReadSession) -> float:
        today = civil_day(await read_now(session))
        wanted = condition(today, await calendars.current(session))
        counted = select(func.count()).where(Application.closed_on.is_(None), wanted)
        return float((await session.execute(counted)).scalar_one())

    return value


def _due_soon(today: date, calendar: Calendar) -> ColumnElement[bool]:
    return Application.due_on.between(today, calendar.add_working_days(today, DUE_SOON_WORKING_DAYS))


def _overdue(today: date, _calendar: Calendar) -> ColumnElement[bool]:
    return (Application.due_on < today) & Application.provisional.is_(False)


def _awaiting(_today: date, _calendar: Calendar) -> ColumnElement[bool]:
    return Application.state == ApplicationState.AWAITING_CONFIRMATION.value


GAUGES = (
    Gauge("applications_open", "Cases not closed yet", _counted(lambda *_: true())),
    Gauge("applications_due_soon", "Open cases due within 5 working days", _counted(_due_soon)),
    Gauge("applications_overdue", "Open cases whose due day has passed", _counted(_overdue)),
    Gauge(
        "applications_provisional",
        "Open cases whose due day rests on a year without a notice",
        _counted(lambda *_: Application.provisional.is_(True)),
    ),
    Gauge("applications_awaiting_confirmation", "Open cases whose receipt is not confirmed", _counted(_awaiting)),
)
