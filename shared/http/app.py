"""Builds a service's application: the same full paths alone and inside all-in-one, the same edge around every route."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException

from shared.db.migrate import head
from shared.errors import DomainError
from shared.http import health
from shared.http.checks import agencies_check, backlog_check, calendar_check
from shared.http.docs import add_docs
from shared.http.edge import Edge
from shared.http.idempotency import Replay, on_replay
from shared.http.methods import AllowedMethods
from shared.http.openapi import install_openapi, operation_id
from shared.http.parts import EdgeParts
from shared.http.problem_page import ProblemPages
from shared.http.problems import of_domain, of_status
from shared.http.rate import RateLimit
from shared.http.routes import add_routes
from shared.http.validation import on_validation_error

MAX_BODY_BYTES = 1024 * 1024
API_VERSION = "1.0.0"
TELEMETRY_OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def service_app(
    name: str,
    title: str,
    deps: EdgeParts,
    routers: Sequence[APIRouter],
    *,
    description: str,
    pages: Sequence[APIRouter] = (),
    checks: Mapping[str, health.Check] | None = None,
    lifespan: Lifespan | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:
    """Return the application of service `name`.

    `routers` are served under `/api/<name>/v1`, `pages` (HTML, no part of the API) at the paths they name. `checks` are
    added to those of database, migrations, outbox, agencies and calendar; later ones join `app.state.checks`, and
    whatever brings gauges up to date joins `app.state.refreshes`.
    """
    prefix = f"/api/{name}"
    app = FastAPI(
        title=title,
        description=description,
        version=API_VERSION,
        openapi_url=f"{prefix}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        lifespan=lifespan,
        telemetry=TELEMETRY_OFF,  # ours keeps personal data out of logs and carries the trace into events
    )
    app.state.deps = deps
    app.state.checks = {
        "database": health.database_check(deps.db),
        "migrations": health.migrations_check(deps.db, lambda: head(name)),
        "outbox": backlog_check(deps.db),
        "agencies": agencies_check(deps.db),
        "calendar": calendar_check(deps.db),
        **(checks or {}),
    }
    app.state.refreshes = []
    guard = Depends(_limit_public(RateLimit(deps.settings.public_requests_per_minute)))
    for router in routers:
        add_routes(app, router, f"{prefix}/v1", guard)
    for router in pages:
        add_routes(app, router, "", guard, in_schema=False)
    app.include_router(health.router)
    add_docs(app, prefix)
    _handle_errors(app)
    install_openapi(app)
    app.add_middleware(Edge, metrics=deps.metrics, max_body_bytes=max_body_bytes)
    app.add_middleware(ProblemPages)
    return app


def _limit_public(limit: RateLimit) -> Callable[[Request], Awaitable[None]]:
    async def limit_public(request: Request) -> None:
        """Public routes are counted by client address; staff are not."""
        limit.take(request.client.host if request.client else "unknown")

    return limit_public


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(DomainError)
    async def on_domain_error(_request: Request, error: DomainError) -> Response:
        return of_domain(error)

    allowed = AllowedMethods(app)

    @app.exception_handler(HTTPException)
    async def on_http_error(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if error.status_code == 405 and (methods := allowed.at(request.url.path)):
            headers["Allow"] = methods
        detail = error.detail if error.status_code == 413 else ""  # other details are the framework's English
        return of_status(error.status_code, detail, headers=headers)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        methods = allowed.at(request.url.path)
        if methods and request.method not in methods.split(", "):
            return of_status(405, headers={"Allow": methods})  # `/x/new`, taken for `/x/{id}` by the router
        return await on_validation_error(request, error)

    app.exception_handler(Replay)(on_replay)
