"""With the database away a service says so at once, hangs on nothing, and recovers by itself."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db.engine import Database
from shared.db.uow import Actor
from shared.events.catalog import AgencyUpserted
from shared.http import health
from shared.http.checks import agencies_check, backlog_check, calendar_check
from shared.replicas import agencies
from tests.kit.edge import EdgeService, build_edge, edge_service
from tests.kit.gate import Gate, behind

NOTE = {"text": "你好", "agency_id": str(uuid4())}
KEY = {"Idempotency-Key": "k1"}
UNAVAILABLE = (503, "database_unavailable")


@pytest.fixture
async def gated(fresh_database: Callable[..., str]) -> AsyncIterator[tuple[EdgeService, Gate]]:
    async with behind(Gate, fresh_database("edge", build_edge)) as (gate, through), edge_service(through) as service:
        yield service, gate


async def test_503_at_once_and_recovery_by_itself(gated: tuple[EdgeService, Gate]) -> None:
    edge, gate = gated
    assert (await edge.client.post("/notes", json=NOTE, headers=KEY)).status_code == 201
    await gate.shut()
    started = time.monotonic()
    for call in (
        edge.client.get("/notes"),
        edge.client.post("/notes", json=NOTE, headers=KEY),
        edge.client.get(f"/notes/{uuid4()}"),
    ):
        answer = await call
        assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    assert time.monotonic() - started < 3
    ready = await edge.client.get("http://edge.test/readyz")
    assert (ready.status_code, ready.json()["checks"]["database"]["status"]) == (503, "failed")
    assert "详见日志 check_failed" in ready.json()["checks"]["database"]["reason"]
    assert (await edge.client.get("http://edge.test/healthz")).status_code == 200
    assert (await edge.client.get("http://edge.test/metrics")).status_code == 200
    await gate.open()
    assert (await edge.client.get("/notes")).status_code == 200
    assert (await edge.client.post("/notes", json=NOTE, headers=KEY)).headers["Idempotency-Replayed"] == "true"


async def test_a_database_that_is_stopped_does_not_hang_its_callers(gated: tuple[EdgeService, Gate]) -> None:
    """It takes connections and says nothing: opening gives up after 3 s, and a broken-off connection is not kept."""
    edge, gate = gated
    assert (await edge.client.get("/notes")).status_code == 200
    gate.flowing.clear()
    started = time.monotonic()
    calls = [edge.client.get("/notes") for _ in range(20)]
    calls.append(edge.client.post("/notes", json=NOTE, headers=KEY))
    answers = await asyncio.gather(*calls)
    assert {answer.json()["code"] for answer in answers} == {"database_unavailable"}
    assert time.monotonic() - started < 8
    gate.flowing.set()
    assert (await edge.client.post("/notes", json=NOTE, headers=KEY)).status_code == 201


async def posted(edge: EdgeService) -> tuple[int, str, float]:
    """File a note; return the status, the refusal if there is one, and how many seconds it took."""
    started = time.monotonic()
    answer = await edge.client.post("/notes", json=NOTE, headers={"Idempotency-Key": str(uuid4())})
    return answer.status_code, answer.json().get("code", ""), time.monotonic() - started


def refused_in_time(answers: Iterable[tuple[int, str, float]]) -> bool:
    return all((status, code) == UNAVAILABLE and seconds < 5 for status, code, seconds in answers)


async def test_a_warm_command_is_refused_by_a_database_that_stops(gated: tuple[EdgeService, Gate]) -> None:
    """Its connection was used a moment ago, so nobody asks whether it answers."""
    edge, gate = gated
    assert (await posted(edge))[0] == 201
    gate.flowing.clear()
    assert refused_in_time([await posted(edge)])
    gate.flowing.set()
    assert (await posted(edge))[0] == 201
    assert (await edge.count_notes(), edge.parts.db.lent) == (2, 0)


async def test_a_crowd_of_warm_commands_is_refused_by_a_database_that_stops(gated: tuple[EdgeService, Gate]) -> None:
    """More than there are connections: those who wait for one are told as soon as the others."""
    edge, gate = gated

    async def all_posted() -> list[tuple[int, str, float]]:
        return await asyncio.gather(*(posted(edge) for _ in range(25)))

    assert {status for status, *_ in await all_posted()} == {201}
    gate.flowing.clear()
    assert refused_in_time(await all_posted())
    gate.flowing.set()
    assert {status for status, *_ in await all_posted()} == {201}
    assert (await edge.count_notes(), edge.parts.db.lent) == (50, 0)


async def test_a_database_that_stops_inside_a_transaction_is_given_up_once(gated: tuple[EdgeService, Gate]) -> None:
    """Its ROLLBACK is not waited for as long as the statement was."""
    edge, gate = gated
    db = Database(edge.parts.db.url, "edge", statement_timeout_ms=500)  # given up 2 s later
    with pytest.raises(DBAPIError):
        async with db.write(Actor.system("edge")) as uow:
            await uow.fetch("SELECT 1")
            gate.flowing.clear()
            started = time.monotonic()
            await uow.fetch("SELECT 2")
    assert time.monotonic() - started < 4
    gate.flowing.set()
    async with db.write(Actor.system("edge")) as uow:
        assert len(await uow.fetch("SELECT 3")) == 1
    await db.dispose()


@pytest.mark.parametrize("silent", [True, False])
async def test_who_gets_no_connection_takes_no_place_in_the_pool(
    gated: tuple[EdgeService, Gate], *, silent: bool
) -> None:
    edge, gate = gated
    db = Database(edge.parts.db.url, "edge", pool_size=2, connect_timeout_seconds=0.2)
    if silent:
        gate.flowing.clear()
    else:
        await gate.shut()
    for within_seconds in (None, 0.1, None, 0.1, None):
        with pytest.raises((OSError, DBAPIError, PoolTimeout)):
            async with db.write(Actor.system("edge"), within_seconds=within_seconds):
                pass
    gate.flowing.set()
    if not silent:
        await gate.open()
    async with db.read() as one, db.read() as another:
        assert [await session.scalar(text("SELECT 1")) for session in (one, another)] == [1, 1]
        assert db.lent == 2
    await db.dispose()


async def test_a_database_stopped_within_a_command_is_given_up(gated: tuple[EdgeService, Gate]) -> None:
    edge, gate = gated
    through = edge.parts.db.url
    await edge.parts.db.dispose()
    object.__setattr__(edge.parts, "db", Database(through, "edge", statement_timeout_ms=500))
    assert (await edge.client.get("/notes")).status_code == 200
    call = asyncio.create_task(edge.client.get("/slow"))
    await asyncio.sleep(0.2)
    gate.flowing.clear()
    answer = await asyncio.wait_for(call, 15)
    gate.flowing.set()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert (await edge.client.get("/notes")).status_code == 200


async def test_a_connection_lost_inside_a_command_is_503_and_nothing_is_kept(edge: EdgeService) -> None:
    lost = await edge.client.post("/lost-notes", json=NOTE, headers=KEY)
    assert (lost.status_code, lost.json()["code"]) == (503, "database_unavailable")
    assert await edge.count_notes() == 0
    assert (await edge.client.post("/notes", json=NOTE, headers=KEY)).status_code == 201


async def test_no_room_in_the_pool_is_503_within_the_limit(edge: EdgeService, edge_url: str) -> None:
    full = Database(edge_url, "edge", pool_size=1, pool_timeout_seconds=0.2)
    object.__setattr__(edge.parts, "db", full)
    async with full.read() as session:
        await session.execute(text("SELECT 1"))
        answer = await edge.client.get("/notes")
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert (await edge.client.get("/notes")).status_code == 200


async def test_a_statement_that_takes_too_long_is_busy(edge: EdgeService, edge_url: str) -> None:
    object.__setattr__(edge.parts, "db", Database(edge_url, "edge", statement_timeout_ms=100))
    answer = await edge.client.get("/slow")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


async def test_readiness_names_what_is_wrong(edge: EdgeService) -> None:
    async def slow() -> health.CheckResult:
        await asyncio.sleep(60)
        return health.CheckResult()

    async def away() -> health.CheckResult:
        return health.CheckResult(status="degraded", reason="消息总线无法连接，事件将在恢复后送出")

    edge.app.state.checks = {"database": health.database_check(edge.parts.db), "bus": away}
    answer = await edge.client.get("http://edge.test/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "消息总线" in answer.json()["checks"]["bus"]["reason"]
    health_seconds, health.CHECK_SECONDS = health.CHECK_SECONDS, 0.05
    edge.app.state.checks["calendar"] = slow
    answer = await edge.client.get("http://edge.test/readyz")
    health.CHECK_SECONDS = health_seconds
    assert (answer.status_code, answer.json()["checks"]["calendar"]["status"]) == (503, "failed")


async def test_migrations_that_lag_behind_the_code_are_named(edge: EdgeService) -> None:
    check = health.migrations_check(edge.parts.db, lambda: "2026-11-22-0900")
    result = await check()
    assert result.status == "failed"
    assert "lantai migrate" in (result.reason or "")


async def test_a_gauge_that_fails_does_not_break_the_scrape(edge: EdgeService) -> None:
    async def broken() -> None:
        raise RuntimeError("no database")

    async def fine() -> None:
        edge.parts.metrics.gauge("open_notes", "open notes").set(4)

    edge.app.state.refreshes += [broken, fine]
    scraped = await edge.client.get("http://edge.test/metrics")
    assert 'lantai_open_notes{service="edge"} 4.0' in scraped.text


async def test_events_that_do_not_leave_are_said_by_the_api(edge: EdgeService) -> None:
    check = backlog_check(edge.parts.db)
    fine = await check()
    assert fine.status == "ok" and "后台进程" in (fine.reason or ""), "it knows nothing of the bus itself"
    async with edge.parts.db.engine.begin() as connection:
        for seconds in (10, 300):
            await connection.execute(
                text(
                    "INSERT INTO outbox (event_id, topic, key, headers, body, created_at) VALUES "
                    "(:id, 't', 'k', '{}', '', clock_timestamp() - make_interval(secs => :seconds))"
                ),
                {"id": uuid4(), "seconds": seconds},
            )
    assert (await check()).status == "ok"  # the oldest by order is ten seconds old
    async with edge.parts.db.engine.begin() as connection:
        await connection.execute(text("UPDATE outbox SET published_at = now() WHERE id = (SELECT min(id) FROM outbox)"))
    result = await check()
    assert result.status == "degraded"
    assert "300 秒" in (result.reason or "")


async def test_a_service_that_knows_no_agency_says_what_to_do(edge: EdgeService) -> None:
    check = agencies_check(edge.parts.db)
    result = await check()
    assert result.status == "degraded"
    assert "lantai events republish" in (result.reason or "")
    state = AgencyUpserted(code="A1", name="青山县人民政府", parent_id=None, level="county", active=True)
    async with edge.parts.db.write(Actor.system("edge")) as uow:
        await agencies.upsert(uow, {uuid4(): state})
    assert (await check()).status == "ok"


async def test_a_year_without_a_notice_is_said(edge: EdgeService) -> None:
    check = calendar_check(edge.parts.db)
    assert (await check()).status == "ok"
    async with edge.parts.db.engine.begin() as connection:
        await connection.execute(text("INSERT INTO clock_offset (seconds) VALUES (:s)"), {"s": 30 * 366 * 86_400})
    result = await check()
    assert result.status == "degraded"
    assert "尚未载入" in (result.reason or "")
