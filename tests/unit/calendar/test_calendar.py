"""The arithmetic against counting on fingers, and what a calendar says of its own certainty."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import Calendar, DayKind, Holiday, OutsideCalendar, national, packaged_notices, parse_notices
from shared.calendar.basis import Basis
from shared.calendar.calendar import FIRST_DAY
from shared.calendar.statutory import day_laws

CALENDAR = national()
DAYS = st.dates(date(2008, 5, 1), date(2031, 12, 31))
ONE = timedelta(days=1)


def count_forward(day: date, count: int) -> date:
    while count:
        day += ONE
        count -= CALENDAR.is_working(day)
    return day


@given(DAYS, st.integers(1, 60))
def test_adding_working_days(day: date, count: int) -> None:
    assert CALENDAR.add_working_days(day, count) == count_forward(day, count)


@given(DAYS, st.integers(1, 60))
def test_the_nth_working_day_before(day: date, count: int) -> None:
    before = CALENDAR.nth_before(day, count)
    assert CALENDAR.is_working(before)
    assert sum(CALENDAR.is_working(before + ONE * n) for n in range((day - before).days)) == count


@given(DAYS, st.integers(0, 400))
def test_counting_between(day: date, length: int) -> None:
    through = day + ONE * length
    expected = sum(CALENDAR.is_working(day + ONE * n) for n in range(1, length + 1))
    assert CALENDAR.working_days_between(day, through) == expected
    assert CALENDAR.working_days_between(through, day) == -expected


@given(st.lists(st.tuples(DAYS, st.integers(1, 60)), max_size=30))
def test_in_bulk_as_one_by_one(pairs: list[tuple[date, int]]) -> None:
    starts, counts = [day for day, _ in pairs], [count for _, count in pairs]
    assert CALENDAR.add_working_days_bulk(starts, counts) == [CALENDAR.add_working_days(*pair) for pair in pairs]
    assert CALENDAR.add_working_days_bulk(starts, 7) == [CALENDAR.add_working_days(day, 7) for day in starts]


def test_every_start_day_in_bulk() -> None:
    starts = [date(2008, 1, 1) + ONE * n for n in range(6940)]
    for count in (1, 20, 60):
        assert CALENDAR.add_working_days_bulk(starts, count) == [count_forward(day, count) for day in starts]


def test_a_period_has_at_least_one_day() -> None:
    for call in (CALENDAR.add_working_days, CALENDAR.nth_before):
        with pytest.raises(ValueError, match="at least one"):
            call(date(2026, 1, 1), 0)
    with pytest.raises(ValueError, match="at least one"):
        CALENDAR.add_working_days_bulk([date(2026, 1, 1)], [0])


@pytest.mark.parametrize("day", [date(2007, 12, 28), date(2041, 1, 1)])
def test_outside_the_calendar(day: date) -> None:
    with pytest.raises(OutsideCalendar):
        CALENDAR.kind(day)
    with pytest.raises(OutsideCalendar):
        CALENDAR.add_working_days_bulk([day], 1)


def test_past_the_end_of_the_calendar() -> None:
    with pytest.raises(OutsideCalendar):
        CALENDAR.add_working_days(date(2040, 12, 20), 20)
    with pytest.raises(OutsideCalendar):
        CALENDAR.add_working_days_bulk([date(2040, 12, 20)], [20])
    with pytest.raises(OutsideCalendar):
        CALENDAR.nth_before(date(2008, 1, 2), 5)


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        (date(2026, 9, 20), DayKind.MAKE_UP_DAY, "调休上班"),
        (date(2026, 9, 25), DayKind.HOLIDAY, "中秋节"),
        (date(2026, 9, 26), DayKind.WEEKEND, "中秋节"),
        (date(2026, 9, 24), DayKind.WORKING_DAY, None),
        (date(2027, 2, 5), DayKind.HOLIDAY, "春节"),
        (date(2028, 10, 3), DayKind.HOLIDAY, "国庆节、中秋节"),
    ],
)
def test_kinds_and_names(day: date, kind: DayKind, name: str | None) -> None:
    assert CALENDAR.kind(day) is kind
    assert CALENDAR.holiday_name(day) == name


def test_provisional_after_28_december_of_the_last_notice() -> None:
    assert CALENDAR.last_published_year == 2026
    assert not CALENDAR.is_provisional(date(2026, 12, 28))
    assert CALENDAR.is_provisional(date(2026, 12, 29))


def test_a_notice_makes_another_calendar_and_leaves_the_first_alone() -> None:
    (notice,) = parse_notices({"year": 2027, "holidays": ["2026-12-31", "2027-01-01"], "make_up_days": ["2027-01-03"]})
    after = CALENDAR.with_year(notice)
    assert (CALENDAR.last_published_year, after.last_published_year) == (2026, 2027)
    assert CALENDAR.is_working(date(2026, 12, 31))
    assert not after.is_working(date(2026, 12, 31))
    assert after.is_working(date(2027, 1, 3))
    assert after.is_working(date(2027, 2, 5)), "a year with a notice has the notice's days only"
    assert after.version != CALENDAR.version


def test_replacing_a_year_takes_its_old_days_back() -> None:
    (notice,) = parse_notices({"year": 2019, "holidays": ["2019-01-01"], "make_up_days": []})
    after = CALENDAR.with_year(notice)
    assert after.kind(date(2018, 12, 29)) is DayKind.WEEKEND
    assert after.kind(date(2018, 12, 31)) is DayKind.WORKING_DAY
    assert after.with_year(*packaged_notices()).version == CALENDAR.version


def test_equal_calendars_have_equal_versions() -> None:
    assert Calendar.build(packaged_notices()).version == CALENDAR.version


@pytest.mark.parametrize("year", [1995, 2007, 2041])
def test_a_notice_for_a_year_the_calendar_cannot_hold_is_refused(year: int) -> None:
    (notice,) = parse_notices({"year": year, "holidays": [f"{year}-01-01"]})
    with pytest.raises(OutsideCalendar, match=str(year)):
        CALENDAR.with_year(notice)


def test_local_holidays_are_an_overlay_with_their_own_citation() -> None:
    festival = Holiday("壮族三月三", date(2026, 4, 17), date(2026, 4, 20), "桂政办发〔2026〕样例", date(2026, 3, 1))
    local = CALENDAR.with_local_holidays([festival])
    assert not local.is_working(date(2026, 4, 17))
    assert local.kind(date(2026, 4, 18)) is DayKind.WEEKEND
    assert "桂政办发" in local.citation(date(2026, 4, 17))
    assert CALENDAR.is_working(date(2026, 4, 17))
    assert local.add_working_days(date(2026, 4, 16), 1) == date(2026, 4, 21)


@pytest.mark.parametrize(
    ("known_on", "day", "works"),
    [
        (date(2015, 5, 12), date(2015, 9, 3), True),
        (date(2015, 5, 13), date(2015, 9, 3), False),
        (date(2015, 5, 12), date(2015, 9, 6), False),
        (date(2015, 5, 13), date(2015, 9, 6), True),
        (date(2019, 3, 21), date(2019, 5, 2), True),
        (date(2019, 3, 22), date(2019, 5, 2), False),
        (date(2020, 1, 26), date(2020, 1, 31), True),
        (date(2020, 1, 27), date(2020, 1, 31), False),
        (date(2020, 1, 26), date(2020, 2, 1), True),
        (date(2020, 1, 27), date(2020, 2, 1), False),
    ],
)
def test_the_calendar_as_it_was_known(known_on: date, day: date, works: bool) -> None:
    assert national(known_on).is_working(day) is works


def test_before_a_notice_its_year_was_provisional() -> None:
    before, after = national(date(2025, 11, 3)), national(date(2025, 11, 4))
    assert (before.last_published_year, after.last_published_year) == (2025, 2026)
    assert before.is_provisional(date(2026, 1, 5))
    assert not after.is_provisional(date(2026, 1, 5))


def test_citations_name_the_paper_that_changed_the_day() -> None:
    assert "国办发明电〔2019〕3号" in CALENDAR.citation(date(2019, 5, 2))
    assert "国办发明电〔2018〕15号" in CALENDAR.citation(date(2019, 10, 1))
    assert "国办发明电〔2020〕1号" in CALENDAR.citation(date(2020, 1, 31))
    # 除夕 was not a statutory day before 2025: the first notice gave it, and the later one was not yet out.
    assert "国办发明电〔2019〕16号" in CALENDAR.citation(date(2020, 1, 24))
    assert "国发明电〔2015〕1号" in CALENDAR.citation(date(2015, 9, 4))
    assert "国令第513号" in CALENDAR.citation(date(2013, 10, 1))
    assert "职工工作时间" in CALENDAR.citation(date(2026, 9, 24))


@pytest.mark.parametrize(
    ("day", "article"),
    [
        (date(2007, 12, 31), "（国令第270号）；"),
        (date(2013, 2, 9), "规定》第七条"),
        (date(2013, 2, 11), "（国令第513号）第二条；"),
        (date(2013, 2, 12), "（国令第513号）第六条；"),
        (date(2019, 5, 2), "（国令第644号）；"),
        (date(2020, 1, 28), "（国令第644号）第六条；"),
        (date(2020, 1, 31), "（国令第644号）；"),
        (date(2024, 2, 4), "规定》第七条；"),
        (date(2026, 10, 1), "（国令第795号）第二条；"),
        (date(2026, 4, 6), "（国令第795号）第六条；"),
        (date(2026, 2, 20), "（国令第795号）第七条；"),
        (date(2026, 10, 5), "（国令第795号）第六条、第七条；"),
        (date(2026, 2, 14), "规定》第七条、《全国年节及纪念日放假办法》（国令第795号）第七条；"),
        (date(2028, 5, 2), "（国令第795号）第二条"),
    ],
)
def test_each_day_cites_the_article_that_makes_it_what_it_is(day: date, article: str) -> None:
    """Statutory day, day made good, day exchanged: 放假办法第二、六、七条, the last of which came in 2025."""
    assert article in CALENDAR.citation(day)


def test_a_paper_graded_c_is_marked_on_the_days_that_rest_on_it() -> None:
    assert CALENDAR.citation(date(2019, 5, 2)).endswith("（国办发明电〔2019〕3号）（待确认）")
    assert CALENDAR.citation(date(2019, 5, 5)).endswith("（国办发明电〔2019〕3号）（待确认）")
    assert CALENDAR.citation(date(2019, 10, 1)).endswith("（国办发明电〔2018〕15号）")
    graded = {notice.number: "待确认" in notice.cited for notice in packaged_notices()}
    assert [number for number, marked in graded.items() if marked] == ["国办发明电〔2019〕3号", "国办发明电〔2023〕7号"]


def test_a_local_festival_cites_article_four_and_takes_no_statutory_day_over() -> None:
    local = CALENDAR.with_local_holidays(
        [Holiday("节日", date(2026, 9, 30), date(2026, 10, 1), "县1号", date(2026, 3, 1))]
    )
    assert local.citation(date(2026, 9, 30)) == "《全国年节及纪念日放假办法》（国令第795号）第四条；县1号"
    assert local.citation(date(2026, 10, 1)) == CALENDAR.citation(date(2026, 10, 1))
    assert local.citation(date(2026, 10, 5)) == CALENDAR.citation(date(2026, 10, 5))


def test_every_kind_of_day_has_one_law_in_force_on_every_day() -> None:
    works = {DayKind.WORKING_DAY, DayKind.WEEKEND, DayKind.MAKE_UP_DAY}
    for kind in [*works, *Basis]:
        rows = sorted((law.since, law.until) for law in day_laws() if kind.value in law.kinds)
        assert rows[0][0] <= FIRST_DAY and rows[-1][1] == date.max
        assert all(until + timedelta(days=1) == since for (_, until), (since, _) in pairwise(rows))


def test_a_paper_issued_after_the_day_is_not_cited_on_it() -> None:
    (notice,) = parse_notices(
        {"year": 2027, "notice": "迟到的通知", "issued": "2027-02-01", "holidays": ["2027-01-01", "2027-02-05"]}
    )
    after = CALENDAR.with_year(notice)
    assert "迟到的通知" not in after.citation(date(2027, 1, 1))
    assert "迟到的通知" in after.citation(date(2027, 2, 5))


# —— calendar days and months (民法典第二百零一至二百零三条) ——


@pytest.mark.parametrize(
    ("start", "count", "last"),
    [
        (date(2026, 1, 16), 30, date(2026, 2, 24)),  # 02-15, inside 春节 02-15…23: its end gives way to 02-24
        (date(2026, 9, 1), 30, date(2026, 10, 8)),  # 10-01
        (date(2026, 3, 2), 15, date(2026, 3, 17)),
        (date(2026, 8, 21), 30, date(2026, 9, 20)),  # a Sunday that works
    ],
)
def test_calendar_days_roll_past_days_off(start: date, count: int, last: date) -> None:
    assert CALENDAR.add_calendar_days(start, count) == last


@pytest.mark.parametrize(
    ("start", "months", "last"),
    [
        (date(2026, 3, 16), 6, date(2026, 9, 16)),
        (date(2025, 8, 31), 6, date(2026, 2, 28)),  # no 31st in February; 02-28 is a Saturday that works
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2026, 4, 1), 6, date(2026, 10, 8)),  # 10-01
        (date(2026, 7, 15), 6, date(2027, 1, 15)),
    ],
)
def test_months_end_on_the_corresponding_day(start: date, months: int, last: date) -> None:
    assert CALENDAR.add_months(start, months) == last


@given(DAYS, st.integers(1, 90))
def test_a_rolled_day_is_a_working_day_and_never_earlier(start: date, count: int) -> None:
    last = CALENDAR.add_calendar_days(start, count)
    assert CALENDAR.is_working(last)
    assert last >= start + ONE * count
