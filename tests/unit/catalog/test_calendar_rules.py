"""A notice changes exactly the days it names, and its versions have one stable subject."""

from datetime import date, timedelta
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from services.catalog.calendar.rules import NoticeData, changes, next_version, notice_of, subject_of
from shared.calendar import DayKind, national

YEAR = national().last_published_year + 1
FIRST_MONDAY = next(day for day in (date(YEAR, 1, 1) + timedelta(days=n) for n in range(3, 11)) if day.weekday() == 0)
runs = st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True)


def data(weeks: list[int], length: int = 2, number: str = "国办发明电〔2027〕1号") -> NoticeData:
    """A notice with a run of days off in each of some weeks, from a Monday, and the Saturday before to work."""
    mondays = sorted(FIRST_MONDAY + timedelta(weeks=week) for week in weeks)
    holidays = tuple((f"假{n}", day, day + timedelta(days=length - 1)) for n, day in enumerate(mondays))
    return NoticeData(YEAR, number, "通知", date(2027, 11, 1), holidays, (mondays[0] - timedelta(days=2),))


@given(runs)
def test_a_notice_says_which_days_are_off_and_which_weekend_days_work(weeks: list[int]) -> None:
    wanted = data(weeks)
    calendar = national().with_year(notice_of(wanted))
    for day in (day for run in notice_of(wanted).holidays for day in run.days()):
        assert calendar.kind(day) is DayKind.HOLIDAY
    assert calendar.kind(wanted.make_up_days[0]) is DayKind.MAKE_UP_DAY
    assert calendar.last_published_year == YEAR


@given(runs)
def test_the_changes_are_all_and_only_those_that_differ(weeks: list[int]) -> None:
    before = national()
    after = before.with_year(notice_of(data(weeks)))
    found = {change.day: change for change in changes(before, after, YEAR)}
    day = date(YEAR, 1, 1)
    while day.year == YEAR:
        differs = before.kind(day) is not after.kind(day)
        assert (day in found) is differs
        if differs:
            moves = before.is_working(day) != after.is_working(day)
            assert found[day].working_changes is moves
        day += timedelta(days=1)
    assert changes(after, after, YEAR) == []


@given(st.lists(st.integers(1, 40)))
def test_the_next_version_is_above_all(versions: list[int]) -> None:
    assert next_version(versions) > max(versions, default=0)


@given(st.integers(2008, 2100), st.integers(2008, 2100))
def test_a_subject_is_one_year_in_one_scope(one: int, other: int) -> None:
    agency = uuid4()
    assert (subject_of(one, None) == subject_of(other, None)) is (one == other)
    assert (subject_of(one, agency) == subject_of(other, agency)) is (one == other)
    assert subject_of(one, None) != subject_of(one, agency)
