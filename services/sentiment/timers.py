"""Timers of this service: for each step, one before it is due and one when its hours are over."""

from collections.abc import Mapping

from services.sentiment.clocks import commands as clocks
from services.sentiment.clocks.rules import Step
from services.sentiment.settings import SentimentSettings
from shared.db.uow import UnitOfWork
from shared.service.definition import TimerHandler
from shared.service.deps import Deps
from shared.timers import DueTimer


def timers(_deps: Deps[SentimentSettings]) -> Mapping[str, TimerHandler]:
    """Return the handler of each kind of timer."""
    handlers: dict[str, TimerHandler] = {}
    for step in Step:
        handlers[clocks.timer_kind(step, clocks.REMIND)] = _reminder(step)
        handlers[clocks.timer_kind(step, clocks.ESCALATE)] = _escalation(step)
    return handlers


def _reminder(step: Step) -> TimerHandler:
    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        await clocks.remind(uow, timer.subject, step)

    return fire


def _escalation(step: Step) -> TimerHandler:
    async def fire(uow: UnitOfWork, timer: DueTimer) -> None:
        await clocks.run_out(uow, timer.subject, step)

    return fire
