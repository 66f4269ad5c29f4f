"""Trouble that lasts is told when it begins and once a minute after that, not at every attempt."""

import time

REMIND_SECONDS = 60.0


class Lasting:
    """Asked at every attempt. Uses the process's monotonic clock: this is about logs, never about business time."""

    def __init__(self) -> None:
        self._told_at: dict[str, float] = {}

    def to_be_told(self, reason: str = "") -> bool:
        """There is trouble; whether to say so now. Another reason is told at once, and two that alternate once each."""
        now = time.monotonic()
        self._told_at = {known: at for known, at in self._told_at.items() if now - at < REMIND_SECONDS}
        if reason in self._told_at:
            return False
        self._told_at[reason] = now
        return True

    def ended(self) -> bool:
        """There is none; whether there was."""
        was, self._told_at = bool(self._told_at), {}
        return was
