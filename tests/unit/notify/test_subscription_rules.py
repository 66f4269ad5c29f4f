"""Double opt-in: who is asked, and for how long a link holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.subscriptions.rules import Known, LinkExpired, State, confirm, must_ask

ASKED = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PAUSE, VALID = timedelta(minutes=10), timedelta(days=7)
LATER = st.timedeltas(timedelta(0), timedelta(days=30))
STATES = st.sampled_from(State)


def test_a_new_address_is_asked() -> None:
    assert must_ask(None, ASKED, PAUSE)


@given(STATES, LATER)
def test_a_known_address_is_asked_again_only_if_not_subscribed_and_not_just_asked(
    state: State, later: timedelta
) -> None:
    asked = must_ask(Known(state, ASKED), ASKED + later, PAUSE)
    assert asked == (state is not State.ACTIVE and later >= PAUSE)


@given(STATES, LATER)
def test_a_link_confirms_once_and_not_for_ever(state: State, later: timedelta) -> None:
    known, now = Known(state, ASKED), ASKED + later
    if state is State.ACTIVE:
        assert confirm(known, now, VALID) is False
    elif state is State.ENDED or later > VALID:
        with pytest.raises(LinkExpired):
            confirm(known, now, VALID)
    else:
        assert confirm(known, now, VALID) is True
