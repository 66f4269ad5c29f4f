"""Accidents in random order, under load, until the rounds are over; then every committed event must have one effect.

A round is one accident to one part: kill -9 or SIGSTOP of a producer, relay or consumer, the database's death, the
broker's death or freeze. It ends when everything committed before it has taken effect; that is its recovery.
"""

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field
from itertools import pairwise

from shared.db import direct
from tests.kit.crash import Arena, Child, Counts
from tests.kit.kafka import KafkaBroker
from tests.kit.spine import until
from tests.kit.spine_worker import EMBEDDED_LEASE_SECONDS, KAFKA_SESSION_SECONDS, RELAY_LEASE_SECONDS

ROLES = ("producer", "relay", "consumer")
PARTS_OF_EACH = 2
RECOVERY_LIMIT_SECONDS = 120.0
REBALANCE_SECONDS = 3.0


@dataclass
class Outcome:
    """What a storm left behind. Lost, doubled and inverted must be 0; `ratio` is effects per committed event."""

    acknowledged: int = 0
    committed: int = 0
    effects: int = 0
    lost: int = 0
    doubled: int = 0
    inversions: int = 0
    recoveries: dict[str, list[float]] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.effects / self.committed if self.committed else 0.0

    @property
    def clean(self) -> bool:
        return self.committed == self.effects > 0 and self.lost == self.doubled == self.inversions == 0

    def __str__(self) -> str:
        lines = [
            f"acknowledged {self.acknowledged}  committed {self.committed}  effects {self.effects}"
            f"  effects per committed event {self.ratio:.6f}",
            f"lost {self.lost}  doubled {self.doubled}  inversions {self.inversions}",
        ]
        for name, seconds in sorted(self.recoveries.items()):
            ordered = sorted(seconds)
            median = ordered[len(ordered) // 2]
            lines.append(
                f"recovery after {name:<18} n={len(ordered):<3} median {median:5.1f} s  max {ordered[-1]:5.1f} s"
            )
        return "\n".join(lines)


class Storm:
    """One run on one arena; `seed` decides every accident and its moment."""

    def __init__(self, arena: Arena, seed: int, broker: KafkaBroker | None = None, pause: str = "0.01") -> None:
        self._arena = arena
        self._chance = random.Random(seed)
        self._broker = broker
        self._pause = pause
        self._parts: dict[str, list[Child]] = {role: [] for role in ROLES}
        self.outcome = Outcome()

    @property
    def session_seconds(self) -> float:
        """How long a part that says nothing may hold what others need."""
        return KAFKA_SESSION_SECONDS if self._broker else max(EMBEDDED_LEASE_SECONDS, RELAY_LEASE_SECONDS)

    async def blow(self, rounds: int, *, least_events: int = 0) -> Outcome:
        """Run the rounds, and on until that many events are committed; then stop the load and count."""
        for role in ROLES:
            for _ in range(PARTS_OF_EACH):
                self._start(role)
        await until(self._some_effect)
        for number in range(1, rounds + 1):
            await self._round(number)
        await until(lambda: self._committed_at_least(least_events), seconds=24 * 3600)
        for producer in self._parts["producer"]:
            producer.signal(signal.SIGKILL)
        for role in ("relay", "consumer"):
            self._start(role)
        await until(self._all_effects, RECOVERY_LIMIT_SECONDS)
        await asyncio.sleep(1)
        await self._count()
        return self.outcome

    def _start(self, role: str) -> None:
        self._parts[role].append(self._arena.start(role, COMMITS="100000000", PAUSE_SECONDS=self._pause))

    async def _round(self, number: int) -> None:
        await asyncio.sleep(self._chance.uniform(0.2, 1.5))
        accidents = [f"{how} {role}" for role in ROLES for how in ("kill", "stop")] + ["kill database"]
        if self._broker is not None:
            accidents += ["kill broker", "stop broker"]
        accident = self._chance.choice(accidents)
        print(f"round {number}: {accident}", flush=True)
        await self._strike(accident)
        began = time.monotonic()
        before = await until(self._committed)
        await until(lambda: self._contains(before), RECOVERY_LIMIT_SECONDS)
        self.outcome.recoveries.setdefault(accident, []).append(time.monotonic() - began)

    async def _strike(self, accident: str) -> None:
        """Let it happen; a part that died is replaced, a frozen one thaws, some time after its session ended."""
        how, what = accident.split()
        if what == "database":
            self._arena.server.kill9()
        elif what == "broker":
            await self._strike_broker(how)
        else:
            await self._strike_part(how, what)

    async def _strike_broker(self, how: str) -> None:
        assert self._broker is not None
        seconds = self._chance.uniform(0.5, 12)
        await asyncio.to_thread(self._broker.kill9 if how == "kill" else self._broker.pause)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self._broker.restart if how == "kill" else self._broker.resume)

    async def _strike_part(self, how: str, role: str) -> None:
        part = self._chance.choice([p for p in self._parts[role] if p.alive])
        if how == "kill":
            part.signal(signal.SIGKILL)
            self._parts[role].remove(part)
            self._start(role)
            return
        part.signal(signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(0.5, 1.5 * self.session_seconds))
        part.signal(signal.SIGCONT)

    async def _committed(self) -> Counts | None:
        try:
            return await self._arena.counts()
        except direct.UNREACHABLE:
            return None  # the database is on its way back

    async def _some_effect(self) -> bool:
        return await self._arena.effects() != {}

    async def _committed_at_least(self, count: int) -> bool:
        return sum((await self._committed() or {}).values()) >= count

    async def _contains(self, before: Counts) -> bool:
        try:
            now = await self._arena.counts(self._arena.target_url)
        except direct.UNREACHABLE:
            return False
        return all(now.get(subject, 0) >= count for subject, count in before.items())

    async def _all_effects(self) -> bool:
        committed = await self._committed()
        return committed is not None and await self._contains(committed)

    async def _count(self) -> None:
        outcome, committed, effects = self.outcome, await self._arena.committed(), await self._arena.effects()
        told = [one for child in self._arena.children for one in child.acknowledged()]
        outcome.acknowledged = len(told)
        outcome.committed = sum(map(len, committed.values()))
        outcome.effects = sum(map(len, effects.values()))
        outcome.lost = sum(number not in effects.get(subject, ()) for subject, number in told)
        for subject, numbers in committed.items():
            found = effects.get(subject, [])
            outcome.lost += len(set(numbers) - set(found))
            outcome.doubled += len(found) - len(set(found))
            outcome.inversions += sum(a > b for a, b in pairwise(found))
