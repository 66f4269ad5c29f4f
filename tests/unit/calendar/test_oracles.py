"""Every packaged day against two independent libraries; statutory and lunar days against one of them."""

from datetime import date, timedelta

import chinese_calendar
import holidays
import pytest

from shared.calendar import DayKind, national
from shared.calendar.packaged import DATA
from shared.calendar.statutory import lunar_years, statutory_days

CALENDAR = national()

NAMED_DISAGREEMENTS: dict[date, str] = {}
"""Days on which a library differs, each with the source that decides it. There is none."""


def days(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


@pytest.mark.parametrize("year", range(2008, 2027))
def test_every_day_agrees_with_both_libraries(year: int) -> None:
    other = holidays.country_holidays("CN", years=range(year - 1, year + 2))
    for day in days(year):
        if day not in NAMED_DISAGREEMENTS:
            assert CALENDAR.is_working(day) == chinese_calendar.is_workday(day), day
            assert CALENDAR.is_working(day) == other.is_working_day(day), day


@pytest.mark.parametrize(("year", "expected"), [(2017, 249), (2026, 248)])
def test_working_days_of_a_year(year: int, expected: int) -> None:
    assert CALENDAR.working_days_between(date(year - 1, 12, 31), date(year, 12, 31)) == expected


def test_every_year_is_packaged_and_none_after_the_last_notice() -> None:
    assert [notice.year for notice in CALENDAR.notices] == list(range(2008, 2027))
    assert {path.stem for path in DATA.glob("2*.toml")} == {str(year) for year in range(2008, 2027)}


@pytest.mark.parametrize("year", lunar_years())
def test_lunar_dates_agree_with_the_library(year: int) -> None:
    names = holidays.country_holidays("CN", years=year, language="en_US")
    found = {day for day, name in names.items() if "observed" not in name and "overflow" not in name.lower()}
    # In overlong years the library lists carried-over days under the festival's own name: ours are among them.
    assert set(statutory_days(year)) <= found
    spring = min(day for day, name in names.items() if name.startswith("Chinese New Year (Spring"))
    eve = spring - timedelta(days=1)
    # 除夕 was a statutory day from 2008 to 2013, and is one again since 2025.
    assert (statutory_days(year).get(eve) == "春节") is (year < 2014 or year > 2024)


@pytest.mark.parametrize("year", range(2008, 2027))
def test_statutory_days_were_off_and_others_are_lengthened_by_what_they_owe(year: int) -> None:
    """Days off beyond the statutory ones are those that fell on a weekend and those exchanged for make-up days."""
    statutory = statutory_days(year)
    assert not any(CALENDAR.is_working(day) for day in statutory)
    kinds = [CALENDAR.kind(day) for day in days(year) if day not in statutory]
    owed = sum(day.weekday() > 4 for day in statutory)
    # 2009 and 2020: 中秋 and 国庆 on one day. 2011-12-31 worked for 2012. 2015-09-03 was given without exchange.
    # 2020: one day added to 春节 and one make-up day cancelled.
    beyond = {2009: 1, 2011: -1, 2012: 1, 2015: 1, 2020: 3}.get(year, 0)
    assert kinds.count(DayKind.HOLIDAY) == owed + kinds.count(DayKind.MAKE_UP_DAY) + beyond


@pytest.mark.parametrize("year", range(2027, 2032))
def test_a_year_without_a_notice_is_monday_to_friday_less_the_statutory_days(year: int) -> None:
    for day in days(year):
        expected = day.weekday() < 5 and day not in statutory_days(year)
        assert CALENDAR.is_working(day) == expected
        assert CALENDAR.kind(day) is not DayKind.MAKE_UP_DAY
