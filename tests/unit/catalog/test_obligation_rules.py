"""Cadences cut the calendar without hole or overlap, and yield nothing that was not asked for."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.catalog.obligations import rules
from services.catalog.obligations.rules import (
    OPEN_CADENCES,
    Cadence,
    CadenceIncomplete,
    InstanceState,
    IntervalNotAllowed,
    MonthDay,
    Schedule,
    check_schedule,
    periods,
)

starts = st.dates(date(2015, 1, 1), date(2027, 12, 31))
spans = st.integers(0, 800)
month_days = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda d: MonthDay(d.month, d.day))
REGULAR = (Cadence.WEEKLY, Cadence.MONTHLY, Cadence.QUARTERLY, Cadence.HALF_YEARLY, Cadence.ANNUAL)
LENGTHS = {
    Cadence.WEEKLY: (7, 7),
    Cadence.MONTHLY: (28, 31),
    Cadence.QUARTERLY: (90, 92),
    Cadence.HALF_YEARLY: (181, 184),
    Cadence.ANNUAL: (365, 366),
}
DAY = timedelta(days=1)


@given(st.sampled_from(REGULAR), starts, spans)
def test_regular_periods_cover_every_day_once(cadence: Cadence, start: date, span: int) -> None:
    through = start + DAY * span
    found = list(periods(Schedule(cadence, start), through))
    assert found[0].start <= start <= found[0].end
    assert found[-1].start <= through <= found[-1].end
    assert all(after.start == before.end + DAY for before, after in pairwise(found))
    shortest, longest = LENGTHS[cadence]
    assert all(shortest <= (p.end - p.start).days + 1 <= longest and p.due_on == p.end for p in found)


@given(st.integers(1, 90), starts, spans)
def test_every_n_days_begins_on_the_start(step: int, start: date, span: int) -> None:
    found = list(periods(Schedule(Cadence.DAYS, start, every_days=step), start + DAY * span))
    assert [p.start for p in found] == [start + DAY * step * n for n in range(span // step + 1)]
    own = Schedule(Cadence.UNSCHEDULED, start, interval_days=step)
    assert list(periods(own, start + DAY * span)) == found


@given(st.sampled_from(REGULAR), starts, spans, spans)
def test_a_longer_horizon_only_adds(cadence: Cadence, start: date, one: int, more: int) -> None:
    schedule = Schedule(cadence, start)
    short = list(periods(schedule, start + DAY * one))
    assert list(periods(schedule, start + DAY * (one + more)))[: len(short)] == short


@given(st.sampled_from(OPEN_CADENCES), starts, spans)
def test_without_a_number_there_is_no_date(cadence: Cadence, start: date, span: int) -> None:
    schedule = Schedule(cadence, start)
    assert schedule.dated is False
    assert list(periods(schedule, start + DAY * span)) == []


@given(starts, starts)
def test_once_is_once_and_not_in_the_past(start: date, day: date) -> None:
    found = list(periods(Schedule(Cadence.ONCE, start, once_on=day), start))
    assert [p.due_on for p in found] == ([day] if day >= start else [])


@given(starts, month_days, spans)
def test_a_yearly_day_is_due_on_that_day_and_never_before_the_start(start: date, by: MonthDay, span: int) -> None:
    found = list(periods(Schedule(Cadence.ANNUAL, start, due_by=by), start + DAY * span))
    assert all(p.due_on == by.of(p.start.year) and p.due_on >= start for p in found)


@given(starts, month_days, month_days)
def test_a_season_keeps_what_is_due_inside_it(start: date, first: MonthDay, last: MonthDay) -> None:
    whole = list(periods(Schedule(Cadence.DAYS, start, every_days=5), start + DAY * 730))
    kept = list(periods(Schedule(Cadence.DAYS, start, every_days=5, season=(first, last)), start + DAY * 730))
    begins, ends = (first.month, first.day), (last.month, last.day)

    def inside(day: date) -> bool:
        at = (day.month, day.day)
        return begins <= at <= ends if begins <= ends else (at >= begins or at <= ends)

    assert kept == [p for p in whole if inside(p.due_on)]


def test_the_last_of_february_is_the_last_day_it_has() -> None:
    assert MonthDay(2, 29).of(2027) == date(2027, 2, 28)
    assert MonthDay(2, 29).of(2028) == date(2028, 2, 29)


@given(month_days)
def test_month_days_are_read_as_they_are_written(day: MonthDay) -> None:
    assert MonthDay.parse(str(day)) == day


def test_a_cadence_needs_its_number_and_takes_no_other() -> None:
    start = date(2026, 1, 1)
    for lacking in (Cadence.DAYS, Cadence.ONCE):
        with pytest.raises(CadenceIncomplete):
            check_schedule(Schedule(lacking, start))
    for cadence in REGULAR:
        check_schedule(Schedule(cadence, start))
        with pytest.raises(IntervalNotAllowed):
            check_schedule(Schedule(cadence, start, interval_days=7))
    for cadence in OPEN_CADENCES:
        check_schedule(Schedule(cadence, start, interval_days=7))


@given(starts, starts, starts)
def test_an_instance_is_fulfilled_only_by_what_became_public_in_its_time(due: date, start: date, day: date) -> None:
    state = rules.state_on(due, day)
    assert state is (InstanceState.OVERDUE if day > due else InstanceState.OPEN)
    with pytest.raises(rules.EvidenceNotPublic):
        rules.check_fulfilment(state, start, None)
    with pytest.raises(rules.InstanceClosed):
        rules.check_fulfilment(InstanceState.FULFILLED, start, day)
    if day < start:
        with pytest.raises(rules.EvidenceTooOld):
            rules.check_fulfilment(state, start, day)
    else:
        rules.check_fulfilment(state, start, day)
