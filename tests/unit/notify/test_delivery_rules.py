"""What becomes of a delivery after each kind of answer."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.deliveries.rules import (
    AlreadySettled,
    Attempt,
    NotFailed,
    Outcome,
    RetryPolicy,
    State,
    after,
    check_task,
)

POLICY = RetryPolicy(timedelta(minutes=1), timedelta(hours=6), refusals=8)
COUNTS = st.integers(min_value=1, max_value=10_000)
REFUSALS = st.integers(min_value=0, max_value=20)


def test_the_pauses_of_a_day_that_goes_wrong() -> None:
    minutes = [POLICY.pause(attempt).total_seconds() / 60 for attempt in range(1, 8)]
    assert minutes == [1, 4, 16, 64, 256, 360, 360]


@given(st.lists(COUNTS, min_size=2).map(sorted), st.floats(min_value=0.001, max_value=3600))
def test_pauses_grow_and_never_exceed_the_longest(attempts: list[int], first: float) -> None:
    policy = RetryPolicy(timedelta(seconds=first), timedelta(hours=6))
    pauses = [policy.pause(attempt) for attempt in attempts]
    assert all(earlier <= later for earlier, later in pairwise(pauses))
    assert timedelta(0) < pauses[0] and pauses[-1] <= timedelta(hours=6)


@given(st.sampled_from(Outcome), COUNTS, REFUSALS)
def test_only_a_yes_delivers_and_only_a_no_fails(outcome: Outcome, attempts: int, refusals: int) -> None:
    following = after(Attempt(outcome, ""), attempts=attempts, refusals=refusals, policy=POLICY)
    assert (following.state is State.DELIVERED) == (outcome is Outcome.ACCEPTED)
    if following.state is State.FAILED:
        assert outcome is Outcome.REFUSED or following.refusals >= POLICY.refusals
    if outcome is Outcome.NOT_SENT:
        assert (following.state, following.refusals) == (State.PENDING, refusals)
    if following.state is State.UNKNOWN:
        assert outcome is Outcome.LOST


@given(st.sampled_from(Outcome), COUNTS, REFUSALS)
def test_what_waits_has_a_next_attempt_and_what_ended_has_none(outcome: Outcome, attempts: int, refusals: int) -> None:
    following = after(Attempt(outcome, ""), attempts=attempts, refusals=refusals, policy=POLICY)
    assert (following.pause is not None) == (following.state in (State.PENDING, State.UNKNOWN))
    assert following.state is not State.SENDING


@pytest.mark.parametrize("outcome", [Outcome.REFUSED_FOR_NOW, Outcome.LOST])
def test_refusals_and_lost_answers_end_in_a_task(outcome: Outcome) -> None:
    refusals, sent = 0, 0
    while True:
        sent += 1
        following = after(Attempt(outcome, ""), attempts=sent, refusals=refusals, policy=POLICY)
        refusals = following.refusals
        if following.state is State.FAILED:
            break
    assert sent == POLICY.refusals


@given(st.sampled_from(State), st.booleans())
def test_only_an_open_failure_is_a_task(state: State, settled: bool) -> None:
    if state is not State.FAILED:
        with pytest.raises(NotFailed):
            check_task(state, settled=settled)
    elif settled:
        with pytest.raises(AlreadySettled):
            check_task(state, settled=settled)
    else:
        check_task(state, settled=settled)


def test_every_state_has_a_chinese_name() -> None:
    assert all(state.label for state in State)
