"""Who is refused at once by a database that keeps silent, and who is not."""

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db import silence
from shared.db.silence import NoAnswer, Silence

NO_ANSWER = pytest.mark.parametrize(
    "error", [NoAnswer("in time"), TimeoutError(), DBAPIError("SELECT 1", None, TimeoutError())]
)


def in_vain(silent: Silence, error: Exception, *, limited: bool = True) -> None:
    """Ask and get no answer."""
    with pytest.raises(type(error)), silent.asking(limited=limited):
        raise error


def refused(silent: Silence, *, limited: bool = True) -> bool:
    """Whether a second one is refused while one asks."""
    try:
        with pytest.raises(ZeroDivisionError), silent.asking():
            with silent.asking(limited=limited):
                pass
            raise ZeroDivisionError  # of the first nothing is known yet
    except NoAnswer:
        return True
    return False


@NO_ANSWER
def test_after_a_wait_in_vain_one_asks_and_the_others_are_refused(error: Exception) -> None:
    silent = Silence()
    in_vain(silent, error)
    with silent.asking():
        for _ in range(3):
            with pytest.raises(NoAnswer), silent.asking():
                pass
        with silent.asking(limited=False):  # what waits without a limit waits
            pass


def test_before_it_nobody_is_refused() -> None:
    assert not refused(Silence())


@NO_ANSWER
def test_an_answer_ends_it(error: Exception) -> None:
    for limited in (True, False):
        silent = Silence()
        in_vain(silent, error)
        with silent.asking(limited=limited):
            pass
        assert not refused(silent)


@pytest.mark.parametrize("error", [PoolTimeout("all in use"), OSError("refused"), DBAPIError("", None, OSError())])
def test_another_trouble_is_no_silence(error: Exception) -> None:
    silent = Silence()
    in_vain(silent, error)
    assert not refused(silent)


def test_who_waited_in_vain_while_others_were_answered_waited_for_something_else() -> None:
    silent = Silence()
    with pytest.raises(NoAnswer), silent.asking():
        with silent.asking():
            pass
        raise NoAnswer("in time")
    assert not refused(silent)


def test_a_wait_without_a_limit_says_nothing() -> None:
    silent = Silence()
    in_vain(silent, TimeoutError(), limited=False)
    assert not refused(silent)


def test_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of an outage that nobody saw, a crowd is not refused for what was hours ago."""
    monkeypatch.setattr(silence, "REMEMBERED_SECONDS", 0.0)
    silent = Silence()
    in_vain(silent, TimeoutError())
    assert not refused(silent)
