"""What every worker does beside its service's own work."""

import asyncio
import gc
import io
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.roster import load
from shared.auth import Role
from shared.bus.memory import MemoryTransport
from shared.bus.transport import TransportUnavailable
from shared.db import direct
from shared.events import TOPICS
from shared.http import health
from shared.service.background import Well
from shared.service.worker import Worker
from tests.kit.apps import BUREAU, new_key, running
from tests.kit.logs import lines, logged
from tests.kit.postgres import ServiceDatabase
from tests.kit.spine import until

RECIPIENT = {"agency_id": str(BUREAU), "role": "clerk", "name": "王工", "mail": "wang@example.gov.cn"}


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What the process `lantai`, which runs several services, logs."""
    with logged("lantai") as stream:
        yield stream


async def test_the_lines_of_a_background_task_name_the_service(
    service_database: Callable[[str], ServiceDatabase], output: io.StringIO
) -> None:
    async def fail(_well: Well) -> None:
        raise ZeroDivisionError

    async def told() -> bool:
        return "background task failed" in output.getvalue()

    async with running(load("notify"), service_database("notify").url) as service:
        failing = replace(service.definition, tasks=lambda deps: {"failing": fail})
        async with Worker(failing, service.deps, MemoryTransport()).running():
            await until(told)
    (line, *_) = [line for line in lines(output) if line["event"] == "background task failed"]
    assert (line["service"], line["task"]) == ("notify", "failing")


async def test_a_worker_forgets_the_keys_of_the_day_before(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    log = MemoryTransport()
    await log.ensure_topics(TOPICS.values())
    async with running(load("notify"), service_database("notify").url) as service:
        headers = service.staff(Role.ADMIN) | new_key()
        assert (await service.client.post("/recipients", json=RECIPIENT, headers=headers)).status_code == 201
        async with service.deps.db.engine.begin() as connection:
            await connection.execute(text("UPDATE idempotency_keys SET created_at = created_at - interval '25 hours'"))

        async def forgotten() -> bool:
            async with service.deps.db.read() as session:
                return not (await session.execute(text("SELECT 1 FROM idempotency_keys"))).first()

        assert not await forgotten()
        async with Worker(service.definition, service.deps, log).running():
            await until(forgotten)


class SilentLog(MemoryTransport):
    """Fails late when it is told to leave a server that is silent."""

    async def check(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(4 * health.CHECK_SECONDS)
            raise TransportUnavailable("the connection was lost")


async def test_a_log_that_is_silent_is_degraded_in_time_and_its_late_failure_troubles_nobody(
    service_database: Callable[[str], ServiceDatabase], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.2)
    unheard = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: unheard.append(told))
    async with running(load("notify"), service_database("notify").url) as service:
        worker = Worker(service.definition, service.deps, SilentLog())
        found = await health.readiness({"bus": worker.checks["bus"]})
        assert found.checks["bus"] == health.CheckResult(status="degraded", reason="事件日志无响应")
        await asyncio.sleep(6 * health.CHECK_SECONDS)
    gc.collect()
    assert unheard == []


async def test_the_numbers_of_what_failed_are_told_with_their_kind(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    async with running(load("notify"), service_database("notify").url) as service:
        async with service.deps.db.engine.begin() as connection:
            for kind, count in (("event", 2), ("timer", 1)):
                await connection.execute(
                    text(
                        "INSERT INTO dead_letters (id, kind, key, headers, body, attempts, error)"
                        " SELECT gen_random_uuid(), :kind, 'k', '{}', '', 8, 'e' FROM generate_series(1, :count)"
                    ),
                    {"kind": kind, "count": count},
                )
            await connection.execute(
                text(
                    "INSERT INTO parked_keys (topic, key, attempts, error, parked_at)"
                    " VALUES ('t', 'new', 1, 'e', clock_timestamp()),"
                    " ('t', 'old', 1, 'e', clock_timestamp() - interval '1 hour')"
                )
            )
        worker = Worker(service.definition, service.deps, MemoryTransport())
        await worker.refresh()
        told = service.deps.metrics.registry.get_sample_value
    assert {kind: told("lantai_dead_letters_open", {"kind": kind}) for kind in ("event", "timer", "outbox")} == {
        "event": 2,
        "timer": 1,
        "outbox": 0,
    }
    assert told("lantai_parked_keys") == 2
    assert 3_600 <= (told("lantai_parked_oldest_seconds") or 0) < 3_700


async def test_a_database_that_is_away_leaves_no_number_that_looks_well(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    database = service_database("notify")
    async with running(load("notify"), database.url) as service:
        worker = Worker(service.definition, service.deps, MemoryTransport())
        told = service.deps.metrics.registry.get_sample_value
        await worker.refresh()
        assert (told("lantai_database_up"), told("lantai_outbox_unpublished")) == (1, 0)
        owner = await direct.connect(database.admin_url, "tests")
        await owner.execute("ALTER TABLE outbox RENAME TO away")  # how it breaks does not matter
        await direct.close(owner)
        with pytest.raises(DBAPIError):
            await worker.refresh()
        assert told("lantai_database_up") == 0
        assert math.isnan(told("lantai_outbox_unpublished") or 0)
        assert math.isnan(told("lantai_dead_letters_open", {"kind": "event"}) or 0)
