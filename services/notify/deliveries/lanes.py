"""How much of the sender one mail provider (the domain of an address) may take.

A provider that takes connections and says nothing would otherwise fill every place, and nobody else would get mail.
Two places are never one provider's, and a provider that leaves a mail unanswered for longer than its habit is left
alone for a while: its further mails are put back unsent. A slow one that answers is waited for. Known to this process
only.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

SPARED_PLACES = 2
LOOK_SECONDS = 0.05


class ProviderSilent(Exception):
    """The provider does not answer others just now."""


@dataclass
class Talk:
    """One conversation; `answered` is said by whoever leads it."""

    began: float
    answered: bool = False


@dataclass
class Lane:
    """One provider's conversations, how long its last answer took, and until when it is left alone."""

    talks: list[Talk] = field(default_factory=list)
    visitors: int = 0
    took: float = 0.0
    rests_until: float = 0.0


class Lanes:
    """Lets conversations in. `patience_seconds` is how long an answer may take before a provider counts as silent."""

    def __init__(
        self,
        places: int,
        *,
        patience_seconds: float,
        rest_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = max(1, places - SPARED_PLACES)
        self._patience = patience_seconds
        self._rest = rest_seconds
        self._clock = clock
        self._lanes: defaultdict[str, Lane] = defaultdict(Lane)

    @asynccontextmanager
    async def talking_to(self, provider: str) -> AsyncIterator[Talk]:
        """Wait for a place with the provider and hold it; raises ProviderSilent rather than wait for a silent one."""
        self._forget_idle()
        lane = self._lanes[provider]
        lane.visitors += 1
        try:
            await self._enter(lane)
            talk = Talk(self._clock())
            lane.talks.append(talk)
            try:
                yield talk
            finally:
                lane.talks.remove(talk)
                if talk.answered:
                    lane.took = self._clock() - talk.began
                elif self._overdue(lane, talk):
                    lane.rests_until = self._clock() + self._rest
        finally:
            lane.visitors -= 1

    async def _enter(self, lane: Lane) -> None:
        while len(lane.talks) >= self._places or self._silent(lane):
            if self._silent(lane):
                raise ProviderSilent
            await asyncio.sleep(LOOK_SECONDS)

    def stuck(self) -> int:
        """Count the conversations that have waited too long: they take no place of the sender."""
        return sum(self._overdue(lane, talk) for lane in self._lanes.values() for talk in lane.talks)

    def _forget_idle(self) -> None:
        """Subscribers have any domain: keep no lane of which there is nothing to remember."""
        for provider, lane in list(self._lanes.items()):
            if not lane.visitors and lane.rests_until <= self._clock() and self._patience_with(lane) == self._patience:
                del self._lanes[provider]

    def _silent(self, lane: Lane) -> bool:
        return self._clock() < lane.rests_until or any(self._overdue(lane, talk) for talk in lane.talks)

    def _overdue(self, lane: Lane, talk: Talk) -> bool:
        return self._clock() - talk.began > self._patience_with(lane)

    def _patience_with(self, lane: Lane) -> float:
        return max(self._patience, 2 * lane.took)
