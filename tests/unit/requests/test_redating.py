"""A case due before the first changed day keeps its due day and its certainty, whatever the notice changes."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.requests.redating.rules import first_changed_on
from shared.calendar import Calendar, Holiday, Notice, national

BEFORE = national()


def workdays(year: int) -> list[date]:
    first = date(year, 1, 1)
    days = (first + timedelta(days=n) for n in range(365))
    return [day for day in days if BEFORE.is_working(day) and day.weekday() < 5]


@st.composite
def notices(draw: st.DrawFn) -> Calendar:
    """A year that differs from the packaged one, or a new year, in a few days off and make-up days."""
    year = draw(st.sampled_from([2025, 2026, 2027]))
    off = draw(st.sets(st.sampled_from(workdays(year)), min_size=1, max_size=4))
    known = next((notice for notice in BEFORE.notices if notice.year == year), None)
    holidays = list(known.holidays) if known else []
    make_up = dict(known.make_up_days) if known else {}
    holidays += [Holiday("放假", day, day) for day in off]
    return BEFORE.with_year(Notice(year, tuple(holidays), make_up))


@given(notices(), st.dates(date(2024, 6, 1), date(2027, 6, 1)), st.integers(1, 60))
def test_nothing_before_the_first_changed_day_moves(after: Calendar, received_on: date, days: int) -> None:
    changed_on = first_changed_on(BEFORE, after)
    assert changed_on is not None
    due_on = BEFORE.add_working_days(received_on, days)
    if due_on < changed_on:
        assert after.add_working_days(received_on, days) == due_on
        assert after.is_provisional(due_on) == BEFORE.is_provisional(due_on)


@given(notices())
def test_the_first_changed_day_is_truly_changed(after: Calendar) -> None:
    changed_on = first_changed_on(BEFORE, after)
    assert changed_on is not None
    works = BEFORE.is_working(changed_on) != after.is_working(changed_on)
    certain = BEFORE.is_provisional(changed_on) != after.is_provisional(changed_on)
    assert works or certain


def test_the_same_calendar_changes_nothing() -> None:
    assert first_changed_on(BEFORE, national()) is None
    assert first_changed_on(BEFORE, BEFORE.with_year(BEFORE.notices[-1])) is None
