"""When reminders go out, and which of several is sent."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.requests.applications.rules import Standing
from services.requests.reminders.rules import KINDS, OVERDUE, Moment, kind_of, latest_due, moments
from shared.calendar import civil_day, end_of_day, national, start_of_day
from shared.events.requests import ApplicationState

CALENDAR = national()
DUE = st.dates(date(2010, 1, 1), date(2026, 12, 28)).map(CALENDAR.next_working_day)
REMINDERS = st.sets(st.integers(1, 15), max_size=5).map(lambda days: tuple(sorted(days, reverse=True)))


def running(due_on: date, *, provisional: bool = False) -> Standing:
    return Standing(ApplicationState.RUNNING, due_on, provisional)


@given(DUE, REMINDERS)
def test_each_reminder_lies_its_working_days_before(due_on: date, days: tuple[int, ...]) -> None:
    planned = {moment.kind: moment.at for moment in moments(running(due_on), days, CALENDAR)}
    assert set(planned) == {*map(kind_of, days), OVERDUE} <= set(KINDS)
    assert planned[OVERDUE] == end_of_day(due_on)
    for n in days:
        day = civil_day(planned[kind_of(n)])
        assert planned[kind_of(n)] == start_of_day(day)
        assert CALENDAR.is_working(day)
        assert CALENDAR.working_days_between(day, due_on) == n


@given(DUE, REMINDERS)
def test_on_a_provisional_day_two_earlier_and_never_overdue(due_on: date, days: tuple[int, ...]) -> None:
    planned = moments(running(due_on, provisional=True), days, CALENDAR)
    assert [moment.kind for moment in planned] == [kind_of(n) for n in days]
    for moment, n in zip(planned, days, strict=True):
        assert CALENDAR.working_days_between(civil_day(moment.at), due_on) == n + 2


@given(DUE, REMINDERS, st.integers(-30, 10), st.integers(0, 23))
def test_of_those_due_the_latest_is_sent(due_on: date, days: tuple[int, ...], shift: int, hour: int) -> None:
    planned = moments(running(due_on), days, CALENDAR)
    assert list(planned) == sorted(planned, key=lambda moment: moment.at)
    now = start_of_day(due_on) + timedelta(days=shift, hours=hour)
    due = [moment for moment in planned if moment.at <= now]
    latest = latest_due(planned, now)
    assert (latest is None) == (not due)
    assert all(latest is not None and moment.at <= latest.at for moment in due)


def test_nothing_is_planned_without_a_fixed_due_day() -> None:
    due_on = date(2026, 6, 11)
    waiting = Standing(ApplicationState.AWAITING_CORRECTION)
    moving = Standing(ApplicationState.PAUSED, due_on, moves_daily=True)
    for standing in (waiting, moving, Standing(ApplicationState.REPLIED, due_on)):
        assert moments(standing, (5, 3, 1), CALENDAR) == ()
    assert latest_due((), start_of_day(due_on)) is None
    assert latest_due((Moment(OVERDUE, end_of_day(due_on)),), start_of_day(due_on)) is None
