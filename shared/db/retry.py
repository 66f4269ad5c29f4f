"""Growing pauses: between attempts of a loop that waits for a broker or a database, and between retries in rows."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass
class Backoff:
    """Pauses of a loop: doubled at each failure up to the longest, back to the first after a success."""

    first_seconds: float = 0.2
    longest_seconds: float = 5.0
    _next: float = 0.0

    def pause(self) -> float:
        """Return how long to wait now."""
        current = self._next or self.first_seconds
        self._next = min(current * 2, self.longest_seconds)
        return current

    def reset(self) -> None:
        self._next = 0.0


@dataclass(frozen=True)
class RetryPolicy:
    """Pauses before the 2nd, 3rd … attempt of one event or timer; after the last one it is a dead letter."""

    pauses: tuple[timedelta, ...] = (
        timedelta(seconds=1),
        timedelta(seconds=5),
        timedelta(seconds=30),
        timedelta(minutes=2),
        timedelta(minutes=10),
        timedelta(minutes=30),
        timedelta(hours=1),
    )

    def pause_after(self, attempts: int) -> timedelta | None:
        """Return the pause after that many failed attempts (at least one), or None when they are used up."""
        return self.pauses[attempts - 1] if attempts <= len(self.pauses) else None
