"""Who is refused soon by a database that keeps silent, and who is not."""

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db import silence
from shared.db.silence import NoAnswer, Silence


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "HEARING_SECONDS", 0.05)


async def in_vain(silent: Silence, error: Exception | None = None) -> None:
    """Ask, and end so."""
    error = error or NoAnswer("in time")
    with pytest.raises(type(error)):
        async with silent.asking():
            raise error


async def refused(silent: Silence) -> bool:
    """Whether a second one is refused while one asks, of whom nothing is known yet."""
    end = asyncio.Event()

    async def first() -> None:
        async with silent.asking():
            await end.wait()

    asking = asyncio.create_task(first())
    await asyncio.sleep(0)
    try:
        async with silent.asking():
            return False
    except NoAnswer:
        return True
    finally:
        end.set()
        await asking


async def test_after_a_wait_in_vain_one_asks_and_the_others_are_refused() -> None:
    silent = Silence()
    await in_vain(silent)
    async with silent.asking():
        for _ in range(3):
            with pytest.raises(NoAnswer):
                async with silent.asking():
                    pass


async def test_before_it_nobody_is_refused() -> None:
    assert not await refused(Silence())


async def test_an_answer_ends_it_also_for_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "HEARING_SECONDS", 20)
    silent, answer = Silence(), asyncio.Event()
    for _ in range(2):  # and it may come again
        await in_vain(silent)
        answer.clear()

        async def ask() -> bool:
            async with silent.asking():
                await answer.wait()
            return True

        crowd = [asyncio.create_task(ask()) for _ in range(20)]
        await asyncio.sleep(0.05)
        assert silent._asking == 1
        answer.set()
        assert all(await asyncio.gather(*crowd))
        assert silent._asking == 0
        assert not await refused(silent)


@pytest.mark.parametrize("error", [PoolTimeout("all in use"), OSError("gone"), DBAPIError("", None, TimeoutError())])
async def test_another_trouble_is_no_silence(error: Exception) -> None:
    """A statement that took too long may have waited for a lock."""
    silent = Silence()
    await in_vain(silent, error)
    assert not await refused(silent)


async def test_who_waited_in_vain_while_others_were_answered_waited_for_something_else() -> None:
    silent = Silence()
    with pytest.raises(NoAnswer):
        async with silent.asking():
            async with silent.asking():
                pass
            raise NoAnswer("in time")
    assert not await refused(silent)


async def test_it_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the end of an outage that nobody saw, a crowd is not refused for what was hours ago."""
    monkeypatch.setattr(silence, "REMEMBERED_SECONDS", 0.0)
    silent = Silence()
    await in_vain(silent)
    assert not await refused(silent)


async def test_who_is_cut_off_leaves_no_trace() -> None:
    silent = Silence()
    await in_vain(silent)
    cut = asyncio.create_task(in_vain(silent, asyncio.CancelledError()))  # type: ignore[arg-type]
    await asyncio.gather(cut, return_exceptions=True)
    assert silent._asking == 0
