"""The moments of an incident, its reclassification and its end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentiment.incidents.rules import (
    LEVEL_LABELS,
    LevelUnchanged,
    Moment,
    Outcome,
    StartPolicy,
    StartUnknown,
    StepsOutstanding,
    TimeInFuture,
    Times,
    TimesOutOfOrder,
    check_closing,
    check_reclassification,
    check_times,
    start_of,
)
from shared.events.sentiment import IncidentLevel

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
OFFSETS = st.none() | st.integers(min_value=-100_000, max_value=100_000)
LEVELS = st.sampled_from(IncidentLevel)


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else NOW + timedelta(seconds=seconds)


@given(OFFSETS, st.integers(min_value=-100_000, max_value=100_000), OFFSETS)
def test_moments_are_accepted_exactly_when_past_and_in_order(
    occurred: int | None, detected: int, assigned: int | None
) -> None:
    times = Times(moment(occurred), NOW + timedelta(seconds=detected), moment(assigned))
    given_offsets = [offset for offset in (occurred, detected, assigned) if offset is not None]
    if max(given_offsets) > 0:
        with pytest.raises(TimeInFuture):
            check_times(times, NOW)
    elif given_offsets != sorted(given_offsets):
        with pytest.raises(TimesOutOfOrder):
            check_times(times, NOW)
    else:
        check_times(times, NOW)


def test_an_emergency_needs_the_time_it_happened() -> None:
    unknown = Times(None, NOW, None)
    with pytest.raises(StartUnknown) as refused:
        start_of(IncidentLevel.GENERAL, unknown, StartPolicy())
    assert "发生时间" in refused.value.detail
    assert start_of(IncidentLevel.NOT_EMERGENCY, unknown, StartPolicy()) == NOW


@given(LEVELS, st.sampled_from(Moment), st.sampled_from(Moment))
def test_the_start_is_the_moment_that_the_policy_names(level: IncidentLevel, emergency: Moment, other: Moment) -> None:
    times = Times(NOW - timedelta(hours=3), NOW - timedelta(hours=2), NOW - timedelta(hours=1))
    wanted = other if level is IncidentLevel.NOT_EMERGENCY else emergency
    assert start_of(level, times, StartPolicy(emergency, other)) == times.at(wanted)


@given(LEVELS, LEVELS)
def test_a_reclassification_names_another_level(before: IncidentLevel, after: IncidentLevel) -> None:
    if before is after:
        with pytest.raises(LevelUnchanged) as refused:
            check_reclassification(before, after)
        assert LEVEL_LABELS[after] in refused.value.detail
    else:
        check_reclassification(before, after)


@given(st.sampled_from(Outcome), st.lists(st.sampled_from(["发布权威信息", "举行新闻发布会"]), unique=True))
def test_only_a_wholly_answered_incident_is_handled(outcome: Outcome, missing: list[str]) -> None:
    if outcome is Outcome.HANDLED and missing:
        with pytest.raises(StepsOutstanding) as refused:
            check_closing(outcome, missing)
        assert refused.value.extra["missing"] == missing
    else:
        check_closing(outcome, missing)


def test_every_level_has_a_chinese_name() -> None:
    assert set(LEVEL_LABELS) == set(IncidentLevel)
