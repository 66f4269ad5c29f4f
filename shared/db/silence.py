"""A database that keeps silent is asked by one at a time; whoever comes meanwhile is refused at once.

A dead server refuses by itself. One that is stopped, or behind a wall that drops everything, is told from a slow one
only by waiting, and nobody need wait to hear what another is about to find out.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

REMEMBERED_SECONDS = 5.0


class NoAnswer(PoolTimeout):
    """The database has said nothing in time; that all connections were in use is another matter."""


class Silence:
    """Remembers for a while that somebody waited in vain, and nobody else was answered meanwhile."""

    def __init__(self) -> None:
        self._kept_until = 0.0
        self._asking = 0
        self._answered_at = 0.0

    @contextmanager
    def asking(self, *, limited: bool = True) -> Iterator[None]:
        """Stands around the wait for a connection and for its first answer.

        Raises `NoAnswer` at once when a limited wait has ended at its limit a moment ago, nobody has
        been answered since that began, and somebody waits again: so would this one.
        """
        began = time.monotonic()
        if limited and self._asking and began < self._kept_until:
            raise NoAnswer("the database keeps silent, and is being asked already")
        self._asking += limited
        try:
            yield
            self._answered_at = time.monotonic()
            self._kept_until = 0.0
        except Exception as error:
            if limited and _ended_at_limit(error) and self._answered_at < began:
                self._kept_until = time.monotonic() + REMEMBERED_SECONDS
            raise
        finally:
            self._asking -= limited


def _ended_at_limit(error: Exception) -> bool:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, TimeoutError | NoAnswer)
