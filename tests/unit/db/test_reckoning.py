"""The database's clock by dead reckoning: forward with the time here, and only from answers that came soon."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.db.reckoning import TOLERANCE_SECONDS, ReckonedClock

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Here:
    """The monotonic time of this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 1000.0
        monkeypatch.setattr("shared.db.reckoning.time.monotonic", lambda: self.seconds)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> Here:
    return Here(monkeypatch)


def test_nothing_is_known_before_the_first_answer(here: Here) -> None:
    assert ReckonedClock().now() is None


def test_it_goes_on_from_the_moment_of_the_question(here: Here) -> None:
    clock, asked_at = ReckonedClock(), here.seconds
    here.seconds += 0.01
    clock.learn(NOON, asked_at)
    here.seconds += 90
    assert clock.now() == NOON + timedelta(seconds=90.01)


def test_the_newest_answer_counts_also_when_the_clock_was_put_back(here: Here) -> None:
    clock = ReckonedClock()
    clock.learn(NOON, here.seconds)
    clock.learn(NOON - timedelta(days=3), here.seconds)
    assert clock.now() == NOON - timedelta(days=3)


def test_an_answer_that_came_late_teaches_nothing_but_doubt(here: Here) -> None:
    """Nobody knows when on the way the database looked at its clock; and what was known may be why it is asked."""
    clock, asked_at = ReckonedClock(), here.seconds
    clock.learn(NOON, asked_at)
    here.seconds += 2 * TOLERANCE_SECONDS
    clock.learn(NOON + timedelta(hours=1), asked_at)
    assert clock.now() is None
