"""People who ask until they are answered: each request has its key and is repeated, anywhere, until a 201 comes."""

import asyncio
import random
from collections import Counter as Tally
from collections.abc import Callable
from uuid import UUID, uuid4

import httpx

from tests.kit.spine_api import PATH

ANSWER_SECONDS = 3.0
PAUSE_SECONDS = 0.1


class Citizens:
    """Each asks for one number after the other of a subject of its own. `ports` are those that may answer now."""

    def __init__(self, ports: Callable[[], list[int]], chance: random.Random, count: int = 4) -> None:
        self._ports = ports
        self._chance = chance
        self._count = count
        self._tasks: list[asyncio.Task[None]] = []
        self.acknowledged: list[tuple[UUID, int]] = []
        self.answers: Tally[str] = Tally()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._ask()) for _ in range(self._count)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _ask(self) -> None:
        subject, number = uuid4(), 0
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            while True:
                number += 1
                key = str(uuid4())
                answered = False
                while not answered:
                    answered = await self._answered(client, key, {"subject": str(subject), "number": number})
                    await asyncio.sleep(PAUSE_SECONDS)
                self.acknowledged.append((subject, number))

    async def _answered(self, client: httpx.AsyncClient, key: str, body: dict[str, object]) -> bool:
        url = f"http://127.0.0.1:{self._chance.choice(self._ports())}{PATH}"
        try:
            answer = await client.post(url, json=body, headers={"Idempotency-Key": key})
        except httpx.HTTPError as gone:
            self.answers[type(gone).__name__] += 1
            return False
        self.answers[str(answer.status_code)] += 1
        return answer.status_code == 201
