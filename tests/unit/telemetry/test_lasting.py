"""Trouble that lasts is told at once, then once a minute, and anew when it comes back."""

import pytest

from shared.telemetry.lasting import REMIND_SECONDS, Lasting


def test_it_is_told_once_a_minute_and_its_end_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("shared.telemetry.lasting.time.monotonic", lambda: now)
    trouble = Lasting()
    assert not trouble.ended()
    assert [trouble.to_be_told() for _ in range(3)] == [True, False, False]
    now += REMIND_SECONDS - 1
    assert not trouble.to_be_told()
    now += 1
    assert [trouble.to_be_told() for _ in range(2)] == [True, False]
    assert [trouble.ended(), trouble.ended()] == [True, False]
    assert trouble.to_be_told()


def test_another_reason_is_told_at_once_and_two_that_alternate_once_a_minute_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("shared.telemetry.lasting.time.monotonic", lambda: now)
    trouble = Lasting()
    assert [trouble.to_be_told(reason) for reason in ("refused", "silent", "refused", "silent")] == [
        *(True, True),
        *(False, False),
    ]
    now += REMIND_SECONDS
    assert [trouble.to_be_told(reason) for reason in ("refused", "refused", "silent")] == [True, False, True]
    assert [trouble.ended(), trouble.ended()] == [True, False]
