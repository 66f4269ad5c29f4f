"""`/healthz` (the process answers), `/readyz` (its named checks) and `/metrics`, at the root of every service.

A check is `ok`, `degraded` (we serve on, an operator should look: a broker away) or `failed` (send us no traffic: 503).
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal, TypeVar
from weakref import WeakKeyDictionary

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel
from sqlalchemy import text

from shared.db.engine import Database
from shared.telemetry import metrics as exposition
from shared.telemetry.lasting import Lasting
from shared.telemetry.reasons import in_words, no_room

CHECK_SECONDS = 2.0
Status = Literal["ok", "degraded", "failed"]
Answer = TypeVar("Answer")

log = structlog.get_logger()


class CheckResult(BaseModel):
    status: Status = "ok"
    reason: str | None = None


class Readiness(BaseModel):
    """The whole is as bad as its worst check."""

    status: Status
    checks: dict[str, CheckResult]


Check = Callable[[], Coroutine[Any, Any, CheckResult]]
Refresh = Callable[[], Coroutine[Any, Any, None]]
"""Brings gauges up to date; run before each scrape."""


_failing: WeakKeyDictionary[Check, Lasting] = WeakKeyDictionary()  # anybody may poll, as often as he likes


async def readiness(checks: Mapping[str, Check]) -> Readiness:
    """Run all checks side by side, each with a time limit."""
    results = dict(zip(checks, await asyncio.gather(*(_run(*check) for check in checks.items())), strict=True))
    found = {result.status for result in results.values()}
    worst: Status = "failed" if "failed" in found else "degraded" if "degraded" in found else "ok"
    return Readiness(status=worst, checks=results)


async def without_farewell(asking: Coroutine[Any, Any, Answer]) -> Answer:
    """Return what it returns; when cut, let it end by itself: leaving a silent server takes seconds."""
    task = asyncio.create_task(asking)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # whoever was cut hears no more of it
    try:
        return await asyncio.shield(task)
    finally:
        task.cancel()


async def _run(name: str, check: Check) -> CheckResult:
    trouble = _failing.setdefault(check, Lasting())
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            result = await without_farewell(check())
    except TimeoutError:
        return CheckResult(status="failed", reason=f"{CHECK_SECONDS:g} 秒内无响应")
    except Exception as error:  # whatever a check trips over is its answer
        if trouble.to_be_told(told := in_words(error, repr(error))):
            log.warning("check_failed", check=name, error=told)
        cause = getattr(error, "orig", None) or error  # its text may name hosts, and anybody may ask
        why = "对方不再接受新连接" if no_room(error) else type(cause).__name__
        return CheckResult(status="failed", reason=f"无法检查（{why}），详见日志 check_failed")
    if trouble.ended():
        log.info("check_goes_on", check=name)
    return result


def database_check(db: Database) -> Check:
    """The database answers."""

    async def check() -> CheckResult:
        async with db.read() as session:
            await session.execute(text("SELECT 1"))
        return CheckResult()

    return check


def migrations_check(db: Database, head: Callable[[], str]) -> Check:
    """The database is at the revision that this code was written for."""

    async def check() -> CheckResult:
        async with db.read() as session:
            revision = (await session.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
        if revision == head():
            return CheckResult()
        return CheckResult(status="failed", reason=f"数据库版本为 {revision}，程序需要 {head()}：请运行 lantai migrate")

    return check


router = APIRouter(include_in_schema=False)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request, response: Response) -> Readiness:
    """Say whether traffic should come, and why not."""
    result = await readiness(request.app.state.checks)
    response.status_code = 503 if result.status == "failed" else 200
    return result


@router.get("/metrics")
async def metrics(request: Request) -> Response:
    """Prometheus' text format; a gauge that cannot be brought up to date is not a number."""
    await refresh_all(request.app)
    return Response(exposition.render(request.app.state.deps.metrics), media_type=exposition.CONTENT_TYPE)


async def refresh_all(app: FastAPI) -> None:
    """Bring an application's gauges up to date before a scrape."""
    for refresh in app.state.refreshes:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await refresh()
        except Exception as error:  # a scrape must never fail because the database does
            log.warning("gauges_not_refreshed", error=repr(error))
