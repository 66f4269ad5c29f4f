"""Finds the events that cannot be done among those that can, trying few things twice.

What came before the suspects is done first; then the suspects are tried anew, in halves while it is unknown which of
them fails. An event is given up only when it failed as the first of an attempt, with no neighbour before it to blame.
"""

from collections.abc import Awaitable, Callable, Sequence

from shared.bus.dispatch import Failure
from shared.bus.incoming import Incoming

Attempt = Callable[[Sequence[Incoming]], Awaitable[None]]
GiveUp = Callable[[Incoming, str], Awaitable[None]]


async def isolate(
    events: Sequence[Incoming], attempt: Attempt, give_up: GiveUp, failure: type[Failure] = Failure
) -> None:
    """Do all events, in order, or give up those that fail. `attempt` does all that it is given, or nothing."""
    while events:
        try:
            await attempt(events)
            return
        except failure as failed:
            first = next(place for place, event in enumerate(events) if event is failed.events[0])
            suspects = len(failed.events)
            error = failed.error
        if first:
            await isolate(events[:first], attempt, give_up, failure)
            events = events[first:]
        elif suspects == 1:
            await give_up(events[0], error)
            events = events[1:]
        else:
            await isolate(events[: suspects // 2], attempt, give_up, failure)
            events = events[suspects // 2 :]
