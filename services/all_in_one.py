"""All services in one process, on one port, each at the full paths that it has alone: nothing is stripped.

A request goes to the service that owns its prefix. `/healthz /readyz /metrics` speak for all, and the start page is
at `/`. Mounted applications' lifespans do not run by themselves, so each is entered here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.bus.transport import Transport
from shared.http.health import Readiness, readiness, refresh_all
from shared.service.branches import Branches
from shared.service.definition import Definition
from shared.service.deps import Deps
from shared.service.settings import ServiceSettings
from shared.service.worker import Worker
from shared.telemetry import correlation
from shared.telemetry import metrics as exposition

# Pages for people, which no API prefix tells apart; the gateway has the same (deploy/nginx).
PAGES = {"/status": "requests"}


class DifferentBuses(ValueError):
    """One service of the process was told of another bus than the others."""


def require_one_bus(settings: Sequence[ServiceSettings]) -> None:
    """Refuse a bus that is named for one service alone: it would be ignored, and its events sought in vain."""
    first, *others = settings
    for other in others:
        for name in ("kafka_bootstrap_servers", "bus_url"):
            if getattr(other, name) != getattr(first, name):
                setting = name.upper()
                raise DifferentBuses(
                    f"{first.service} and {other.service} name different buses, and services in one process share one: "
                    f"set LANTAI_{setting} for all, or start each service by `lantai serve` and `lantai worker`."
                )


@dataclass(frozen=True)
class Member:
    """One service of this process."""

    definition: Definition
    deps: Deps[Any]
    app: FastAPI
    worker: Worker

    async def readiness(self) -> Readiness:
        with correlation.service(self.definition.name):
            return await readiness({**self.app.state.checks, **self.worker.checks})

    async def refresh(self) -> None:
        """Bring its numbers up to date, those of the application and those of the worker."""
        with correlation.service(self.definition.name):
            await asyncio.gather(refresh_all(self.app), refresh_all(self.worker.app))


class AllInOne:
    """The composition. `others` are applications at prefixes of their own (start page, mailbox, issuer)."""

    def __init__(
        self, services: Sequence[tuple[Definition, Deps[Any]]], transport: Transport, others: Mapping[str, ASGIApp]
    ) -> None:
        self.members = [
            Member(definition, deps, definition.create_app(deps), Worker(definition, deps, transport))
            for definition, deps in services
        ]
        apps: dict[str, ASGIApp] = {member.definition.name: member.app for member in self.members}
        prefixes = {f"/api/{name}": app for name, app in apps.items()}
        prefixes |= {page: apps[name] for page, name in PAGES.items() if name in apps}
        self._prefixes: dict[str, ASGIApp] = {**prefixes, **others}
        self._root = Starlette(
            routes=[
                Route("/healthz", self._healthz),
                Route("/readyz", self._readyz),
                Route("/metrics", self._metrics),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._owner(scope.get("path", "/"))(scope, receive, send)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Enter every application's lifespan."""
        async with AsyncExitStack() as stack:
            for member in self.members:
                await stack.enter_async_context(member.app.router.lifespan_context(member.app))
            yield

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Run every worker for the length of the block."""
        async with Branches() as workers:
            for member in self.members:
                await workers.branch().enter_async_context(member.worker.running())
            yield

    def _owner(self, path: str) -> ASGIApp:
        """Return the application of the longest prefix; `/` itself is the start page, the rest of the root is ours."""
        if path == "/":
            return self._prefixes.get("/", self._root)
        while path:
            if path in self._prefixes:
                return self._prefixes[path]
            path = path.rpartition("/")[0]
        return self._root

    async def _healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        names = [member.definition.name for member in self.members]
        told = await asyncio.gather(*(member.readiness() for member in self.members))
        answers = dict(zip(names, told, strict=True))
        found = {answer.status for answer in answers.values()}
        worst = "failed" if "failed" in found else "degraded" if "degraded" in found else "ok"
        body = {"status": worst, "services": {name: answer.model_dump() for name, answer in answers.items()}}
        return JSONResponse(body, 503 if worst == "failed" else 200)

    async def _metrics(self, request: Request) -> Response:
        await asyncio.gather(*(member.refresh() for member in self.members))
        return Response(
            exposition.render(*(member.deps.metrics for member in self.members)), media_type=exposition.CONTENT_TYPE
        )
