"""How a background part is doing, for the worker's readiness."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Health:
    """`reason` is for an operator; it is empty when all is well."""

    part: str
    ok: bool
    reason: str = ""


class Pulse:
    """Remembers when a part last did what it is for; silence longer than `limit_seconds` is ill health.

    Uses the process's monotonic clock: this is about liveness, never about business time.
    """

    def __init__(self, part: str, limit_seconds: float) -> None:
        self._part = part
        self._limit_seconds = limit_seconds
        self._last = time.monotonic()
        self._trouble = ""

    def beat(self) -> None:
        self._last = time.monotonic()
        self._trouble = ""

    def trouble(self, reason: str) -> None:
        """Note why there is no beat; told once the silence has lasted."""
        self._trouble = reason

    @property
    def silent_seconds(self) -> float:
        return time.monotonic() - self._last

    def health(self, *, running: bool) -> Health:
        if not running:
            return Health(self._part, False, f"{self._part} is not running")
        if self.silent_seconds > self._limit_seconds:
            return Health(self._part, False, f"silent for {self.silent_seconds:.0f} s: {self._trouble or 'no answer'}")
        return Health(self._part, True)
