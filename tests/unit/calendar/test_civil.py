"""Moments and days of Asia/Shanghai; hours that ignore nights and holidays."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import SHANGHAI, add_months, civil_day, end_of_day, hours_after, start_of_day


@given(st.dates(date(2008, 1, 1), date(2040, 1, 1)), st.integers(0, 86_399))
def test_every_moment_of_a_day_is_that_day(day: date, seconds: int) -> None:
    moment = start_of_day(day) + timedelta(seconds=seconds)
    assert civil_day(moment) == civil_day(moment.astimezone(UTC)) == day
    assert civil_day(end_of_day(day)) == day + timedelta(days=1)
    assert civil_day(end_of_day(day) - timedelta(microseconds=1)) == day


def test_naive_moments_are_refused() -> None:
    naive = datetime.fromisoformat("2026-09-18T00:00:00")
    with pytest.raises(ValueError, match="naive"):
        civil_day(naive)
    with pytest.raises(ValueError, match="aware"):
        hours_after(naive, 5)


def test_hours_run_through_the_night_and_the_festival() -> None:
    happened = datetime(2026, 2, 16, 23, 30, tzinfo=SHANGHAI)
    assert hours_after(happened, 5) == datetime(2026, 2, 17, 4, 30, tzinfo=SHANGHAI)
    assert hours_after(happened, 48) == datetime(2026, 2, 18, 23, 30, tzinfo=SHANGHAI)


def test_months_clip_to_the_last_day() -> None:
    assert add_months(date(2026, 12, 31), 2) == date(2027, 2, 28)
    assert add_months(date(2027, 11, 30), 3) == date(2028, 2, 29)
    assert add_months(date(2026, 3, 31), -1) == date(2026, 2, 28)
