"""A service's background work as one thing: relay, consumers, timers, audit sealer and the service's own tasks.

Every part is started, asked for its health and stopped in the same way. A part that is ill makes the worker
degraded, not failed: the API goes on answering, and what waits is done when the part recovers.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from fastapi import FastAPI

from shared.audit import Sealer
from shared.bus.consumers import Consumers
from shared.bus.relay import Relay
from shared.bus.transport import Transport, TransportError
from shared.db.migrate import head
from shared.http import health
from shared.http.health import Check, CheckResult
from shared.http.idempotency import purge_expired
from shared.service.background import Background, every
from shared.service.definition import Definition, Gauge
from shared.service.deps import Deps
from shared.service.forgetting import Forgetting
from shared.service.gauges import SPINE
from shared.telemetry import correlation
from shared.telemetry.health import Health
from shared.timers import Scheduler

SEAL_SECONDS = 1.0
PURGE_SECONDS = 600.0
FORGET_SECONDS = 3600.0
STOP_SECONDS = 2.0


class Part(Protocol):
    """What runs in a worker."""

    def start(self) -> None: ...

    async def stop(self, grace_seconds: float = ...) -> None: ...

    def health(self) -> Health: ...


class Worker:
    """The parts of one service. `transport` is started and stopped by whoever made it."""

    def __init__(self, definition: Definition, deps: Deps[Any], transport: Transport) -> None:
        self._definition = definition
        self._deps = deps
        self._parts = _parts(definition, deps, transport)
        self._up = deps.metrics.gauge("worker_part_up", "1 while this part of the worker is well", ("part",))
        self._database_up = deps.metrics.gauge("database_up", "1 while the service's database answers a scrape")
        self.checks: dict[str, Check] = {"bus": _bus_check(transport)}
        self.checks |= {part.health().part: _part_check(part) for part in self._parts}
        self.app = self._operations_app()

    def start(self) -> None:
        """Start every part; the lines that they log name the service, also where a process runs several."""
        with correlation.service(self._definition.name):
            for part in self._parts:
                part.start()

    async def stop(self) -> None:
        """Stop all parts at once, each within its grace."""
        await asyncio.gather(*(part.stop(STOP_SECONDS) for part in self._parts))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run every part for the length of the block."""
        self.start()
        try:
            yield
        finally:
            await self.stop()

    async def refresh(self) -> None:
        """Bring the numbers of the parts and of the business up to date, before a scrape."""
        for part in self._parts:
            told = part.health()
            self._up.labels(told.part).set(told.ok)
        gauges = (*SPINE, *self._definition.gauges)
        values, answered = [math.nan] * len(gauges), False  # the last values would say that all is well
        try:
            values, answered = await health.without_farewell(self._read(gauges)), True
        finally:
            self._database_up.set(answered)
            for gauge, value in zip(gauges, values, strict=True):
                self._shown(gauge).set(value)

    async def _read(self, gauges: Sequence[Gauge]) -> list[float]:
        async with self._deps.db.read() as session:
            return [await gauge.value(session) for gauge in gauges]

    def _shown(self, gauge: Gauge) -> Any:
        """Return the metric that shows a gauge."""
        shown = self._deps.metrics.gauge(gauge.name, gauge.help, tuple(gauge.labels))
        return shown.labels(**gauge.labels) if gauge.labels else shown

    def _operations_app(self) -> FastAPI:
        """`/healthz /readyz /metrics` of a worker that is a process of its own."""
        app = FastAPI(title=f"{self._definition.title}：后台", openapi_url=None)
        app.state.deps = self._deps
        app.state.checks = {
            "database": health.database_check(self._deps.db),
            "migrations": health.migrations_check(self._deps.db, lambda: head(self._definition.name)),
            **self.checks,
        }
        app.state.refreshes = [self.refresh]
        app.include_router(health.router)
        return app


def _parts(definition: Definition, deps: Deps[Any], transport: Transport) -> list[Part]:
    sealer, consumed = Sealer(deps.db), definition.consumers(deps)
    forgetting = Forgetting(deps.db, consumed, deps.metrics)
    parts: list[Part] = [
        Relay(deps.db, transport, deps.metrics, poll_seconds=deps.settings.relay_poll_seconds),
        Consumers(deps.db, transport, definition.group, consumed, deps.metrics),
        Scheduler(deps.db, definition.timers(deps), deps.metrics, poll_seconds=deps.settings.timer_poll_seconds),
        Background("sealer", every(SEAL_SECONDS, sealer.seal_once)),
        Background("idempotency-keys", every(PURGE_SECONDS, lambda: purge_expired(deps.db))),
        Background("forgetting", every(FORGET_SECONDS, forgetting.forget)),
    ]
    return parts + [Background(name, task) for name, task in definition.tasks(deps).items()]


def _part_check(part: Part) -> Check:
    async def check() -> CheckResult:
        told = part.health()
        return CheckResult() if told.ok else CheckResult(status="degraded", reason=told.reason)

    return check


def _bus_check(transport: Transport) -> Check:
    async def check() -> CheckResult:
        try:
            async with asyncio.timeout(health.CHECK_SECONDS * 0.75):
                await health.without_farewell(transport.check())
        except (TransportError, TimeoutError) as away:
            return CheckResult(status="degraded", reason=str(away) or "事件日志无响应")
        return CheckResult()

    return check
