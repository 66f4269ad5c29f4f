"""Growing pauses: of a loop that waits for a broker or a database, and of what is tried again from its row."""

from datetime import timedelta
from itertools import pairwise

from shared.db.retry import Backoff, RetryPolicy


def test_the_pauses_of_a_loop_double_up_to_the_longest() -> None:
    backoff = Backoff(0.2, 5.0)
    assert [backoff.pause() for _ in range(8)] == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_a_success_begins_with_the_first_pause_again() -> None:
    backoff = Backoff(1.0, 15.0)
    assert [backoff.pause() for _ in range(3)] == [1.0, 2.0, 4.0]
    backoff.reset()
    assert [backoff.pause() for _ in range(3)] == [1.0, 2.0, 4.0]


def test_the_pauses_between_attempts_are_those_of_the_policy_and_then_there_is_none() -> None:
    pauses = tuple(timedelta(hours=hours) for hours in (1, 2, 5))
    policy = RetryPolicy(pauses)
    assert [policy.pause_after(attempts) for attempts in range(1, 6)] == [*pauses, None, None]
    assert RetryPolicy(()).pause_after(1) is None


def test_the_usual_pauses_grow_from_a_second_to_an_hour() -> None:
    policy = RetryPolicy()
    pauses = [policy.pause_after(attempts) or timedelta(0) for attempts in range(1, len(policy.pauses) + 1)]
    assert all(earlier < later for earlier, later in pairwise(pauses))
    assert (pauses[0], pauses[-1]) == (timedelta(seconds=1), timedelta(hours=1))
    assert policy.pause_after(len(pauses) + 1) is None
