"""Accidents in random order, under load, until the rounds are over; then every committed event must have one effect.

A round is one accident to one part: kill -9 or SIGSTOP of a producer, API, relay, consumer or scheduler, of the
database or the broker. Its recovery ends when everything committed before it has taken effect, timers due by then
have fired, and a citizen has been answered again. It counts from the accident, also while the struck part stays
frozen: its twin has to do. Nobody can stand in for the broker or a frozen database; they count from their return. All
the while two in a hundred of the handler's calls fail, so that keys are parked and tried again through every accident.
"""

import asyncio
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from itertools import pairwise
from typing import TypeVar
from uuid import UUID

from shared.db import direct
from tests.chaos.citizens import Citizens
from tests.chaos.outcome import Outcome
from tests.kit.crash import Arena, Child, Counts
from tests.kit.kafka import KafkaBroker
from tests.kit.ports import free_port
from tests.kit.spine_api import reminder_of
from tests.kit.spine_worker import EMBEDDED_LEASE_SECONDS, KAFKA_SESSION_SECONDS, RELAY_LEASE_SECONDS

ROLES = ("producer", "api", "relay", "consumer", "timers")
PARTS_OF_EACH = 2
RECOVERY_LIMIT_SECONDS = 120.0
LONGEST_OUTAGE_SECONDS = 12.0
LOOK_SECONDS = 0.2
T = TypeVar("T")


class Storm:
    """One run on one arena; `seed` decides every accident and its moment."""

    def __init__(self, arena: Arena, seed: int, broker: KafkaBroker | None = None, pause: str = "0.01") -> None:
        self._arena = arena
        self._chance = random.Random(seed)
        self._broker = broker
        self._pause = pause
        self._parts: dict[str, list[Child]] = {role: [] for role in ROLES}
        self._ports: dict[Child, int] = {}
        self._citizens = Citizens(lambda: [self._ports[api] for api in self._parts["api"]], random.Random(seed))
        self._targets = [*ROLES, "database"] + ["broker"] * (broker is not None)
        session = KAFKA_SESSION_SECONDS if broker else max(EMBEDDED_LEASE_SECONDS, RELAY_LEASE_SECONDS)
        self.outcome = Outcome(session)

    async def blow(self, rounds: int, *, least_events: int = 0) -> Outcome:
        """Run the rounds, and on until that many events are committed; then stop the load and count."""
        for role in ROLES:
            for _ in range(PARTS_OF_EACH):
                self._start(role)
        self._citizens.start()
        await _held(self._some_effect)
        for number in range(1, rounds + 1):
            await self._round(number)
        await _held(lambda: self._committed_at_least(least_events), seconds=24 * 3600)
        await self._citizens.stop()
        for child in (*self._parts["producer"], *self._parts["api"]):
            child.signal(signal.SIGKILL)
        for role in ("relay", "consumer", "timers"):
            self._start(role)
        await _held(self._all_effects)
        await asyncio.sleep(1)
        await self._count()
        return self.outcome

    def _start(self, role: str) -> None:
        port = free_port() if role == "api" else 0
        child = self._arena.start(
            role, COMMITS="100000000", PAUSE_SECONDS=self._pause, API_PORT=str(port), FAILING_SHARE="0.02"
        )
        self._ports[child] = port
        self._parts[role].append(child)

    async def _round(self, number: int) -> None:
        await asyncio.sleep(self._chance.uniform(0.2, 1.5))
        how, what = self._chance.choice(("kill", "stop")), self._chance.choice(self._targets)
        accident = f"{how} {what}"
        thawing = await self._strike(how, what)
        began = time.monotonic()
        await self._recover()
        took = time.monotonic() - began
        self.outcome.recoveries.setdefault(accident, []).append(took)
        print(f"round {number}: {accident}, {took:.1f} s", flush=True)
        if thawing is not None:
            await thawing
            await self._recover()

    async def _strike(self, how: str, what: str) -> asyncio.Task[None] | None:
        """Let it happen. What died or lost its session is replaced or returns; a part may stay frozen meanwhile."""
        seconds = self._chance.uniform(0.5, LONGEST_OUTAGE_SECONDS)
        if what == "broker":
            await self._strike_broker(how, seconds)
        elif what == "database" and how == "kill":
            self._arena.server.kill9()
        elif what == "database":
            await self._arena.server.freeze(seconds)
        else:
            part = self._chance.choice([p for p in self._parts[what] if p.alive])
            if how == "stop":
                part.signal(signal.SIGSTOP)
                return asyncio.create_task(_thaw(part, seconds))
            part.signal(signal.SIGKILL)
            self._parts[what].remove(part)
            self._start(what)
        return None

    async def _strike_broker(self, how: str, seconds: float) -> None:
        assert self._broker is not None
        await asyncio.to_thread(self._broker.kill9 if how == "kill" else self._broker.pause)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._broker.restart if how == "kill" else self._broker.resume)

    async def _recover(self) -> None:
        """Wait until what was there before has taken effect, and people are answered."""
        answered = len(self._citizens.acknowledged)
        before = await _held(self._committed)
        due = await _held(self._arena.open_timers)
        await _held(lambda: self._contains(before))
        await _held(lambda: self._fired_of(due))
        await _held(lambda: self._answered_since(answered))

    async def _committed(self) -> Counts:
        return await self._arena.counts()

    async def _some_effect(self) -> bool:
        return bool(await self._arena.effects()) and bool(self._citizens.acknowledged)

    async def _committed_at_least(self, count: int) -> bool:
        return sum((await self._committed()).values()) >= count

    async def _contains(self, before: Counts) -> bool:
        now = await self._arena.counts(self._arena.target_url)
        return all(now.get(subject, 0) >= count for subject, count in before.items())

    async def _fired_of(self, due: frozenset[UUID]) -> bool:
        return not due & await self._arena.open_timers()

    async def _answered_since(self, answered: int) -> bool:
        return len(self._citizens.acknowledged) > answered

    async def _all_effects(self) -> bool:
        return not await self._arena.open_timers() and await self._contains(await self._committed())

    async def _count(self) -> None:
        outcome, committed, effects = self.outcome, await self._arena.committed(), await self._arena.effects()
        requests = self._citizens.acknowledged
        told = [*requests, *(one for child in self._arena.children for one in child.acknowledged())]
        outcome.acknowledged, outcome.requests = len(told), len(requests)
        outcome.answers = dict(self._citizens.answers)
        outcome.committed = sum(map(len, committed.values()))
        outcome.effects = sum(map(len, effects.values()))
        outcome.effects_of_requests = sum(effects.get(subject, []).count(number) for subject, number in requests)
        outcome.lost = sum(number not in effects.get(subject, ()) for subject, number in told)
        for subject, numbers in committed.items():
            found = effects.get(subject, [])
            outcome.lost += len(set(numbers) - set(found))
            outcome.doubled += len(found) - len(set(found))
            outcome.inversions += sum(a > b for a, b in pairwise(found))
        await self._count_timers()

    async def _count_timers(self) -> None:
        """Each acknowledged request's timer has fired once, and its event has had one effect."""
        fired, effects = await self._arena.effects(self._arena.source_url), await self._arena.effects()
        for subject, number in self._citizens.acknowledged:
            if (reminder := reminder_of(subject, number)) is not None:
                self.outcome.timers += 1
                self.outcome.fired += len(fired.get(reminder, ()))
                self.outcome.lost += reminder not in effects


async def _thaw(part: Child, seconds: float) -> None:
    await asyncio.sleep(seconds)
    part.signal(signal.SIGCONT)


async def _held(condition: Callable[[], Awaitable[T]], seconds: float = RECOVERY_LIMIT_SECONDS) -> T:
    """Wait until the condition holds, through a database that is on its way back; return what it gave."""
    async with asyncio.timeout(seconds):
        while True:
            with suppress(*direct.UNREACHABLE):
                if (result := await condition()) is not False:
                    return result
            await asyncio.sleep(LOOK_SECONDS)
