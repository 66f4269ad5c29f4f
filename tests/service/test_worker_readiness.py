"""What `/readyz` of a worker says of its consumers: that they have ended, or why they are ill."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.roster import load
from shared.bus import consumers
from shared.bus.memory import MemorySubscription, MemoryTransport
from shared.bus.transport import TransportUnavailable
from shared.events import TOPICS
from shared.events.catalog import AgencyUpserted
from shared.service.worker import Worker
from tests.kit.apps import running
from tests.kit.postgres import ServiceDatabase
from tests.kit.spine import until


class AwayLog(MemoryTransport):
    """A log that lets nobody join."""

    @asynccontextmanager
    async def subscribe(self, group: str, topics: Iterable[str]) -> AsyncIterator[MemorySubscription]:
        raise TransportUnavailable("the broker is away")
        yield


async def consumers_of(worker: Worker) -> dict[str, Any]:
    """What `/readyz` of the worker says of its consumers."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(worker.app), base_url="http://worker.test") as client:
        answer = await client.get("/readyz")
    told = answer.json()
    check: dict[str, Any] = told["checks"]["consumers"]
    # The API goes on answering without them, so the worker is not taken out of service.
    assert (answer.status_code, told["status"]) == (200, check["status"])
    return check


async def ill(worker: Worker) -> dict[str, Any] | None:
    told = await consumers_of(worker)
    return told if told["status"] != "ok" else None


async def test_readiness_tells_that_the_consumers_have_ended(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    log = MemoryTransport()
    await log.ensure_topics(TOPICS.values())
    async with running(load("notify"), service_database("notify").url) as service:
        worker = Worker(service.definition, service.deps, log)
        async with worker.running():
            assert await consumers_of(worker) == {"status": "ok", "reason": None}
            (task,) = [one for one in asyncio.all_tasks() if one.get_name() == f"consumers-{service.definition.group}"]
            task.cancel()
            await asyncio.wait([task])
            assert await consumers_of(worker) == {"status": "degraded", "reason": "consumers is not running"}


async def test_readiness_tells_why_the_consumers_are_ill(
    service_database: Callable[[str], ServiceDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumers, "ILL_AFTER_SECONDS", 0.5)
    async with running(load("notify"), service_database("notify").url) as service:
        worker = Worker(service.definition, service.deps, AwayLog())
        async with worker.running():
            told = await until(lambda: ill(worker))
            await worker.refresh()
        assert told["status"] == "degraded"
        assert told["reason"].startswith("silent for ") and told["reason"].endswith(": the broker is away")
        up = service.deps.metrics.registry.get_sample_value
        assert [up("lantai_worker_part_up", {"part": part}) for part in ("consumers", "timers")] == [0, 1]


async def test_readiness_tells_which_topics_the_consumers_miss(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    log, missing = MemoryTransport(), AgencyUpserted.topic.name
    await log.ensure_topics(topic for topic in TOPICS.values() if topic.name != missing)
    async with running(load("notify"), service_database("notify").url) as service:
        worker = Worker(service.definition, service.deps, log)
        async with worker.running():
            told = await until(lambda: ill(worker))
        told_to_do = f"the log has no topic {missing}: `lantai migrate` creates it; the others are read"
        assert told == {"status": "degraded", "reason": told_to_do}
