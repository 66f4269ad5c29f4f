"""Which response may be recorded when, and whether it kept the limit."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.sentiment.clocks.rules import ClockState, Step
from services.sentiment.incidents.rules import TimeInFuture
from services.sentiment.responses.rules import (
    BeforeTheStart,
    Kind,
    NothingReleasedYet,
    StepAlreadyDone,
    StepNotAsked,
    decide,
)
from shared.errors import DomainError

START = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
OPEN = {Step.RELEASE: ClockState(START + 5 * HOUR), Step.PRESS: ClockState(START + 24 * HOUR)}
RELEASED = {**OPEN, Step.RELEASE: ClockState(START + 5 * HOUR, done_at=START + 2 * HOUR)}
NOW = START + 30 * HOUR


def test_a_release_within_five_hours_is_in_time_and_a_second_later_is_late() -> None:
    assert decide(Kind.RELEASE, START + 5 * HOUR, OPEN, START, NOW) is True
    assert decide(Kind.RELEASE, START + 5 * HOUR + timedelta(seconds=1), OPEN, START, NOW) is False


def test_a_continued_release_has_no_limit() -> None:
    assert decide(Kind.CONTINUED, START + 29 * HOUR, RELEASED, START, NOW) is None


REFUSED: list[tuple[Kind, timedelta, dict[Step, ClockState], type[DomainError]]] = [
    (Kind.RELEASE, 31 * HOUR, OPEN, TimeInFuture),
    (Kind.RELEASE, -HOUR, OPEN, BeforeTheStart),
    (Kind.RESPONSE, HOUR, OPEN, StepNotAsked),
    (Kind.RELEASE, 3 * HOUR, RELEASED, StepAlreadyDone),
    (Kind.CONTINUED, 3 * HOUR, OPEN, NothingReleasedYet),
    (Kind.CONTINUED, HOUR, RELEASED, NothingReleasedYet),
]


@pytest.mark.parametrize(("kind", "after", "clocks", "refusal"), REFUSED)
def test_refusals(kind: Kind, after: timedelta, clocks: dict[Step, ClockState], refusal: type[DomainError]) -> None:
    with pytest.raises(refusal):
        decide(kind, START + after, clocks, START, NOW)


@given(st.sampled_from(Kind), st.timedeltas(-3 * HOUR, 40 * HOUR), st.sampled_from([OPEN, RELEASED]))
def test_whatever_is_accepted_lies_between_start_and_now(
    kind: Kind, after: timedelta, clocks: dict[Step, ClockState]
) -> None:
    try:
        kept = decide(kind, START + after, clocks, START, NOW)
    except DomainError:
        return
    assert START <= START + after <= NOW
    if kind.step is None:
        assert kept is None and clocks is RELEASED
    else:
        assert kept == (START + after <= clocks[kind.step].due_at)
