"""The scheduler: fires due timers as commands, each exactly once, with the time at which it was due.

A timer's effect and its mark are one transaction. One that was stopped for days fires what is due on return, with the
due time recorded; several may run at once. A failing timer is tried again after growing pauses kept in its row and
ends as a dead letter. Timers of one subject fire in the order of their due times, but none waits for one that failed:
a reminder that cannot be sent must not keep a case from becoming overdue.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from shared.db.clock import NOW
from shared.db.engine import Database
from shared.db.retry import RetryPolicy
from shared.db.suspects import Suspects
from shared.db.trouble import database_trouble, describe, row_is_held, transaction_trouble
from shared.db.uow import Actor, UnitOfWork
from shared.telemetry import trace
from shared.telemetry.health import Health, Pulse
from shared.telemetry.lasting import Lasting
from shared.telemetry.metrics import Metrics
from shared.timers.rows import bury, due, mark_fired, take, try_later

log = structlog.get_logger(__name__)
ILL_AFTER_SECONDS = 20.0
SWEEP_TIMERS = 1000
TIMERS_PER_TRANSACTION = 50


@dataclass(frozen=True)
class DueTimer:
    """What a handler is told. `due_at` is the time that counts, however late it fires; `attempts` failed before."""

    subject: UUID
    kind: str
    due_at: datetime
    payload: dict[str, Any]
    attempts: int


TimerHandler = Callable[[UnitOfWork, DueTimer], Awaitable[None]]


class TimerFailed(Exception):
    """A handler raised, or waited too long for a row; `__cause__` is what it raised.

    `alone`: no other timer had been fired before it in the transaction, so the fault is its own.
    """

    def __init__(self, timer: Row[Any], error: str, *, alone: bool) -> None:
        super().__init__(f"{timer.kind} {timer.subject}: {error}")
        self.timer = timer
        self.error = error
        self.alone = alone


class TimerInTrouble(Exception):
    """The database failed while this timer was fired alone; whose fault it was, nobody knows. `__cause__` says what."""

    def __init__(self, timer: Row[Any], error: str) -> None:
        super().__init__(f"{timer.kind} {timer.subject}: {error}")
        self.timer = timer
        self.error = error


class TimersChanged(Exception):
    """Commands cancelled or moved these timers while they were being fired: their effects are rolled back."""

    def __init__(self, ids: set[UUID]) -> None:
        super().__init__(str(ids))
        self.ids = ids


class Scheduler:
    """Runs between `start` and `stop`. Kinds without a handler here are left to those who have one.

    A handler may schedule and cancel through the unit of work, also its own kind anew, but must not flush it.
    """

    def __init__(
        self,
        db: Database,
        handlers: Mapping[str, TimerHandler],
        metrics: Metrics | None = None,
        *,
        retries: RetryPolicy = RetryPolicy(),
        poll_seconds: float = 1.0,
        handler_seconds: float = 30.0,
    ) -> None:
        metrics = metrics or Metrics(db.service)
        self._db = db
        self._handlers = dict(handlers)
        self._policy = retries
        self._poll_seconds = poll_seconds
        self._handler_seconds = handler_seconds
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._suspects = Suspects(db)
        self._away = Lasting()
        self._pulse = Pulse("timers", ILL_AFTER_SECONDS)
        self._fired = metrics.counter("timers_fired", "Timers tried, by outcome", ("outcome",))
        self._lateness = metrics.histogram("timer_lateness_seconds", "From due (or set, if later) to fired")

    def start(self) -> None:
        if self._handlers:
            self._task = asyncio.create_task(self._run(), name=f"timers-{self._db.service}")

    async def stop(self, grace_seconds: float = 5.0) -> None:
        """Finish the transaction at hand; what is due stays due."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace_seconds)
            self._task.cancel()
            await asyncio.wait([self._task], timeout=3)

    def health(self) -> Health:
        if not self._handlers:
            return Health("timers", True)
        return self._pulse.health(running=self._task is not None and not self._task.done())

    async def _run(self) -> None:
        while not self._stopping.is_set():
            more = False
            try:
                more = await self.sweep() == SWEEP_TIMERS
                self._pulse.beat()
                if self._away.ended():
                    log.info("sweeps go on", service=self._db.service)
            except Exception as error:  # the rows stay due: whatever it is, the next sweep finds them
                reason = describe(error)
                self._pulse.trouble(reason)
                if self._away.to_be_told(reason):
                    log.warning("sweep failed", service=self._db.service, reason=reason)
            if not more:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), self._poll_seconds)

    async def sweep(self) -> int:
        """Fire what is due now, up to a limit; return how many timers were found due."""
        async with self._db.read() as session:
            found = await due(session, self._handlers.keys(), SWEEP_TIMERS)
        for start in range(0, len(found), TIMERS_PER_TRANSACTION):
            if self._stopping.is_set():
                break
            await self._fire(found[start : start + TIMERS_PER_TRANSACTION])
            self._pulse.beat()
        self._suspects.keep(set(found))
        return len(found)

    async def _fire(self, ids: Sequence[UUID]) -> None:
        """Fire these in one transaction, or find the one that fails and fire the others without it."""
        left = list(ids)
        while left:
            try:
                await self._transaction(left)
                return
            except TimersChanged as changed:
                left = [timer_id for timer_id in left if timer_id not in changed.ids]
            except TimerFailed as failure:
                left.remove(failure.timer.id)
                if failure.alone:
                    await self._count(failure.timer, failure.error)
                else:
                    await self._fire([failure.timer.id])
            except Exception as error:
                if len(left) == 1:
                    await self._pass_over(left[0], error)
                    return
                # Left to the end by a handler (flush, deferred constraint), or a database in trouble with one of them.
                for timer_id in left:
                    await self._fire([timer_id])
                return

    async def _pass_over(self, timer_id: UUID, error: Exception) -> None:
        """Let a timer that met trouble alone wait for the next sweep; raise if the database is not well.

        A row that somebody keeps is nobody's fault. A connection lost may be, if that happens to the same timer again
        and again while others are answered: then it is a failed attempt, with the pauses and the end of one.
        """
        log.warning("timer waits", service=self._db.service, timer_id=str(timer_id), reason=describe(error))
        cause = error.__cause__ if isinstance(error, TimerInTrouble) else error
        if cause is not None and row_is_held(cause):
            return
        if not isinstance(error, TimerInTrouble):
            if not transaction_trouble(error):
                raise error
            async with self._db.read() as session:
                await session.execute(NOW)
        elif await self._suspects.blamed(timer_id):
            await self._count(error.timer, error.error)

    async def _transaction(self, ids: Sequence[UUID]) -> None:
        """Effects and marks together. Raises TimerFailed, TimersChanged, TimerInTrouble or what only the end told."""
        taken: list[Row[Any]] = []
        fired: list[Row[Any]] = []
        try:
            async with self._db.write(Actor.system(self._db.service)) as uow:
                taken = await take(uow.session, ids, uow.now)
                for timer in taken:
                    if not uow.changes_timer(timer.subject, timer.kind):  # by a handler that came before
                        await self._handle(uow, timer, alone=not fired)
                        fired.append(timer)
                await uow.session.flush()
                # Before the unit of work writes what the handlers scheduled: one may set its own kind anew.
                if changed := await mark_fired(uow.session, fired, uow.now):
                    raise TimersChanged(changed)
        except (TimerFailed, TimersChanged):
            raise
        except Exception as error:
            if len(taken) != 1:
                raise
            if transaction_trouble(error):
                raise TimerInTrouble(taken[0], describe(error)) from error
            raise TimerFailed(taken[0], describe(error), alone=True) from error
        for timer in fired:
            self._fired.labels("fired").inc()
            self._lateness.observe(max((uow.now - _could_fire_at(timer, uow.now)).total_seconds(), 0))

    async def _handle(self, uow: UnitOfWork, timer: Row[Any], *, alone: bool) -> None:
        due_timer = DueTimer(timer.subject, timer.kind, timer.due_at, json.loads(timer.payload), timer.attempts)
        try:
            async with asyncio.timeout(self._handler_seconds):
                with trace.use(None):  # what a timer sets off is a story of its own
                    await self._handlers[timer.kind](uow, due_timer)
        except Exception as error:
            if database_trouble(error) and not row_is_held(error):
                raise
            raise TimerFailed(timer, describe(error), alone=alone) from error

    async def _count(self, timer: Row[Any], error: str) -> None:
        pause = self._policy.pause_after(timer.attempts + 1)
        log.warning("timer failed", kind=timer.kind, subject=str(timer.subject), error=error, dead=pause is None)
        async with self._db.write(Actor.system(self._db.service)) as uow:
            if pause is None:
                await bury(uow.session, timer, error)
            else:
                await try_later(uow.session, timer, error, pause)
        self._fired.labels("failed" if pause else "dead").inc()


def _could_fire_at(timer: Row[Any], now: datetime) -> datetime:
    """A letter recorded late sets timers that are due already: until it was set, nobody could fire one.

    When it was set is told on the real clock, everything else on the shifted one.
    """
    due_at: datetime = timer.due_at
    set_at: datetime = timer.scheduled_at + (now - timer.unshifted)
    return max(due_at, set_at)
