"""Hour clocks: which steps a level asks for, from when, and when they are missed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentiment.clocks.rules import (
    ClockState,
    NoClockInForce,
    Step,
    clocks,
    in_time,
    is_overdue,
    missing_steps,
    must_escalate,
    must_remind,
    remind_at,
)
from services.sentiment.incidents.rules import Moment, StartPolicy, Times
from services.sentiment.statutes import rule_set
from shared.calendar import SHANGHAI
from shared.events.sentiment import IncidentLevel

MOMENTS = st.integers(1_480_550_400, 2_051_193_600).map(lambda s: datetime.fromtimestamp(s, UTC))  # 2016-12 to 2034
LEVELS = st.sampled_from(IncidentLevel)
GRAVE = (IncidentLevel.EXTREMELY_SERIOUS, IncidentLevel.SERIOUS)


def at(text: str) -> datetime:
    """A moment of Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def dues(level: IncidentLevel, times: Times, policy: StartPolicy | None = None) -> dict[Step, datetime]:
    return {c.step: c.due_at for c in clocks(level, times, policy or StartPolicy(), rule_set())}


def happened(moment: datetime) -> Times:
    return Times(moment, moment + timedelta(minutes=15), None)


@pytest.mark.parametrize("level", GRAVE)
def test_grave_incidents_ask_for_a_release_in_5_and_a_press_conference_in_24_hours(level: IncidentLevel) -> None:
    found = dues(level, happened(at("2026-11-21T22:30")))
    assert found == {Step.RELEASE: at("2026-11-22T03:30"), Step.PRESS: at("2026-11-22T22:30")}


@pytest.mark.parametrize("level", [level for level in IncidentLevel if level not in GRAVE])
def test_other_opinion_asks_for_a_response_in_48_hours(level: IncidentLevel) -> None:
    times = Times(at("2026-11-21T08:00"), at("2026-11-21T10:00"), None)
    start = times.detected_at if level is IncidentLevel.NOT_EMERGENCY else times.occurred_at
    assert start is not None
    assert dues(level, times) == {Step.RESPONSE: start + timedelta(hours=48)}


def test_hours_run_through_the_night_and_the_spring_festival() -> None:
    eve = happened(at("2026-02-16T23:00"))
    assert dues(IncidentLevel.SERIOUS, eve)[Step.RELEASE] == at("2026-02-17T04:00")
    assert dues(IncidentLevel.GENERAL, eve)[Step.RESPONSE] == at("2026-02-18T23:00")


def test_the_rules_of_the_civil_day_of_the_start_apply() -> None:
    before_80 = clocks(IncidentLevel.SERIOUS, happened(at("2016-11-09T23:59")), StartPolicy(), rule_set())
    assert [c.step for c in before_80] == [Step.PRESS]
    # 00:30 in Shanghai is still the day before in UTC
    first_day = clocks(IncidentLevel.SERIOUS, happened(at("2016-11-10T00:30")), StartPolicy(), rule_set())
    assert [c.step for c in first_day] == [Step.RELEASE, Step.PRESS]


def test_before_any_rule_there_is_no_clock() -> None:
    with pytest.raises(NoClockInForce):
        clocks(IncidentLevel.GENERAL, happened(at("2016-07-29T12:00")), StartPolicy(), rule_set())


def test_each_clock_names_its_citation() -> None:
    release, press = clocks(IncidentLevel.SERIOUS, happened(at("2026-01-01T00:00")), StartPolicy(), rule_set())
    assert "80号" in release.citation
    assert release.grade == "B" and not release.unconfirmed
    assert "61号" in press.citation


def test_the_start_is_a_setting() -> None:
    times = Times(at("2026-01-01T00:00"), at("2026-01-01T01:00"), at("2026-01-01T02:00"))
    policy = StartPolicy(emergency=Moment.ASSIGNED_AT, other=Moment.OCCURRED_AT)
    assert dues(IncidentLevel.SERIOUS, times, policy)[Step.RELEASE] == at("2026-01-01T07:00")
    assert dues(IncidentLevel.NOT_EMERGENCY, times, policy)[Step.RESPONSE] == at("2026-01-03T00:00")


@given(LEVELS, MOMENTS)
def test_due_times_depend_on_the_start_alone_and_lie_the_rules_hours_after_it(
    level: IncidentLevel, moment: datetime
) -> None:
    found = clocks(level, happened(moment), StartPolicy(), rule_set())
    assert found
    for clock in found:
        assert clock.due_at - clock.started_at == timedelta(hours=clock.hours)
    assert all(earlier.due_at < later.due_at for earlier, later in pairwise(found))


@given(MOMENTS, st.timedeltas(timedelta(hours=-60), timedelta(hours=60)))
def test_a_limit_is_kept_up_to_and_including_its_last_moment(due: datetime, distance: timedelta) -> None:
    assert in_time(due, due + distance) == (distance <= timedelta(0))


@given(MOMENTS, st.timedeltas(timedelta(hours=-60), timedelta(hours=60)))
def test_a_timer_tells_exactly_one_thing_of_an_open_step(due: datetime, distance: timedelta) -> None:
    clock, now = ClockState(due), due + distance
    assert must_remind(clock, now) != must_escalate(clock, now)
    assert is_overdue(clock, now) == must_escalate(clock, now)


@given(
    MOMENTS, st.timedeltas(timedelta(hours=-60), timedelta(hours=60)), st.timedeltas(timedelta(0), timedelta(hours=9))
)
def test_a_step_done_is_escalated_only_if_it_was_late_and_nobody_knows(
    due: datetime, distance: timedelta, later: timedelta
) -> None:
    done = due + distance
    now = done + later
    assert must_escalate(ClockState(due, done), now) == (distance > timedelta(0))
    assert not must_escalate(ClockState(due, done, escalated_at=now), now)
    assert not must_remind(ClockState(due, done), now)


@given(
    MOMENTS,
    st.timedeltas(timedelta(minutes=1), timedelta(hours=4)),
    st.timedeltas(timedelta(hours=-60), timedelta(hours=60)),
)
def test_a_reminder_is_set_while_there_is_still_time(due: datetime, before: timedelta, distance: timedelta) -> None:
    now = due + distance
    reminder = remind_at(due, before, now)
    assert (reminder is None) == (now >= due)
    assert reminder is None or reminder == due - before


def test_missing_steps_are_named_in_chinese() -> None:
    due = at("2026-01-01T05:00")
    assert missing_steps({Step.RELEASE: ClockState(due, due), Step.PRESS: ClockState(due)}) == ["举行新闻发布会"]
