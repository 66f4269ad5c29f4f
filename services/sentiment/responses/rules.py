"""When a response may be recorded, and whether it came in time."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from services.sentiment.clocks.rules import ClockState, Step, in_time
from services.sentiment.incidents.rules import TimeInFuture
from shared.errors import Category, DomainError


class Kind(StrEnum):
    """A step done, or 持续发布 after the first of them (61号, 80号)."""

    RELEASE = "release"
    PRESS = "press"
    RESPONSE = "response"
    CONTINUED = "continued"

    @property
    def step(self) -> Step | None:
        return None if self is Kind.CONTINUED else Step(self.value)

    @property
    def label(self) -> str:
        """Return the Chinese name."""
        return "持续发布" if self.step is None else self.step.label


class StepNotAsked(DomainError):
    """The level of this incident does not ask for this step."""

    code = "step_not_asked"
    title = "该等级舆情无此步骤"
    category = Category.INVALID_STATE


class StepAlreadyDone(DomainError):
    """Each step is done once; what follows is a continued release."""

    code = "step_already_done"
    title = "该步骤已完成，后续发布请记为持续发布"
    category = Category.CONFLICT


class NothingReleasedYet(DomainError):
    """A continued release follows a first one."""

    code = "nothing_released_yet"
    title = "尚未完成首次回应，不能记录持续发布"
    category = Category.INVALID_STATE


class BeforeTheStart(DomainError):
    """A response cannot precede what it answers."""

    code = "response_before_start"
    title = "回应时间不能早于计时起点"
    category = Category.UNPROCESSABLE


def decide(
    kind: Kind, responded_at: datetime, by_step: Mapping[Step, ClockState], started_at: datetime, now: datetime
) -> bool | None:
    """Return whether the response keeps its step's limit (None: a continued release has none), or refuse it."""
    if responded_at > now:
        raise TimeInFuture("请核对回应时间。")
    if responded_at < started_at:
        raise BeforeTheStart()
    if kind.step is None:
        first = min((clock.done_at for clock in by_step.values() if clock.done_at is not None), default=None)
        if first is None or responded_at < first:
            raise NothingReleasedYet()
        return None
    clock = by_step.get(kind.step)
    if clock is None:
        raise StepNotAsked(f"可记录：{'、'.join(step.label for step in by_step)}。")
    if clock.done_at is not None:
        raise StepAlreadyDone()
    return in_time(clock.due_at, responded_at)
