"""Trouble that lasts is told when it begins and once a minute after that, not at every attempt."""

import time

REMIND_SECONDS = 60.0


class Lasting:
    """Asked at every attempt. Uses the process's monotonic clock: this is about logs, never about business time."""

    def __init__(self) -> None:
        self._told_at: float | None = None

    def to_be_told(self) -> bool:
        """There is trouble; whether to say so now."""
        now = time.monotonic()
        if self._told_at is not None and now - self._told_at < REMIND_SECONDS:
            return False
        self._told_at = now
        return True

    def ended(self) -> bool:
        """There is none; whether there was."""
        was, self._told_at = self._told_at is not None, None
        return was
