"""Goal 2: a case by its id, and lists of twenty, among a million cases, against FastAPI with bare asyncpg.

The control (`bench.reading_control`) answers with the same JSON, which is checked: it opens the same sealed texts and
asks the same pure rules, without token, sessions, schemas, metrics or logs. Page 1,000 lies 19,980 cases behind page 1.
`BENCH_ROWS` makes it smaller.
"""

import asyncio
import io
import json
import os
import statistics
from collections import defaultdict
from dataclasses import replace
from typing import Any
from uuid import UUID

import asyncpg
import httpx
from sqlalchemy import event

from bench.intake import register_one
from bench.rig import interleaved, line
from bench.stage import COUNTY, DATA_KEY, VAULT, Api, Door, Load, api, door, service_database, wrk
from services.requests.service import SERVICE
from services.requests.settings import RequestsSettings
from shared.auth import DevelopmentIssuer, Grant, Role
from shared.db import direct
from shared.db.pages import encode_cursor
from shared.service.settings import Environment
from shared.telemetry import logging
from tests.kit.apps import ISSUER, make_deps
from tests.kit.postgres import ServiceDatabase

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
LIMIT = 20
SKIPPED = min(999 * LIMIT, ROWS // 2)
PATH = "/api/requests/v1/applications"
FIRST = UUID("0191e000-0000-7000-8000-000000000000")
RANDOM_IDS = """
wrk.headers["Authorization"] = "Bearer TOKEN"
request = function()
  return wrk.format("GET", string.format("/api/requests/v1/applications/0191e000-0000-7000-8000-%012x",
    math.random(1, ROWS)))
end
"""
ONE_PATH = """
wrk.headers["Authorization"] = "Bearer TOKEN"
"""
_SPREAD = """
    INSERT INTO applications (id, agency_id, receipt_number, recipient_ref, registered_at, id_number_blind,
                              {same})
    SELECT ('0191e000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           ('0191d000-0000-7000-8000-' || lpad(to_hex(2 + n % 64), 12, '0'))::uuid,
           'B-' || n, ('0191f000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           now() - make_interval(secs => ({rows} - n) * 30), md5(n::text), {copied}
    FROM applications, generate_series(1, {rows}) n
"""
_HISTORY = """
    INSERT INTO case_events (id, application_id, agency_id, {same})
    SELECT ('0191e800-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
           ('0191e000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, agency_id, {copied}
    FROM case_events, generate_series(1, {rows}) n
"""


async def main() -> None:
    async with service_database("requests") as database, door("requests", database) as ours:
        await fill(database, ours)
        arguments = ["-m", "bench.reading_control", direct.dsn(database.url), DATA_KEY]
        async with api(arguments) as control:
            cursor = await _cursor(database)
            await _compare(ours, control, cursor)
            await _race(ours, control, cursor)
        await _statements(database, cursor)


async def fill(database: ServiceDatabase, ours: Door) -> None:
    """Register one case, then multiply it; indexes are built afterwards, as a restore would."""
    await register_one(ours)
    connection = await asyncpg.connect(direct.dsn(database.admin_url), timeout=10)
    await connection.execute("SET session_replication_role = replica; SET maintenance_work_mem = '256MB'")
    indexes = await connection.fetch(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'applications'"
        " AND indexname LIKE 'ix_%'"
    )
    for index in indexes:
        await connection.execute(f"DROP INDEX {index['indexname']}")
    for template, table, own in (
        (
            _SPREAD,
            "applications",
            ("id", "agency_id", "receipt_number", "recipient_ref", "registered_at", "id_number_blind"),
        ),
        (_HISTORY, "case_events", ("id", "application_id", "agency_id")),
    ):
        names = await connection.fetchval(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = $1 AND column_name <> ALL($2::text[])",
            table,
            list(own),
        )
        await connection.execute(template.format(same=names, copied=names, rows=ROWS), timeout=600)
    for index in indexes:
        await connection.execute(index["indexdef"], timeout=600)
    await connection.execute("VACUUM ANALYZE", timeout=600)
    await connection.execute("CHECKPOINT", timeout=600)
    await connection.close()


async def _cursor(database: ServiceDatabase) -> str:
    """The cursor of page 1,000."""
    connection = await direct.connect(database.admin_url, "bench")
    row = await connection.fetchrow(
        "SELECT registered_at, id FROM applications ORDER BY registered_at DESC, id DESC OFFSET $1 LIMIT 1", SKIPPED - 1
    )
    await direct.close(connection)
    return encode_cursor([row["registered_at"], row["id"]])


def _paths(cursor: str) -> dict[str, str]:
    return {
        "one": f"{PATH}/{UUID(int=FIRST.int + ROWS // 2)}",
        "page 1": f"{PATH}?limit={LIMIT}",
        "page 1,000": f"{PATH}?limit={LIMIT}&cursor={cursor}",
    }


async def _compare(ours: Door, control: Api, cursor: str) -> None:
    headers = {"Authorization": f"Bearer {ours.token(Role.CLERK, COUNTY)}"}
    async with httpx.AsyncClient(headers=headers) as client:
        for name, path in _paths(cursor).items():
            answers = [await client.get(f"http://127.0.0.1:{port}{path}") for port in (ours.api.port, control.port)]
            said: list[Any] = [answer.raise_for_status().json() for answer in answers]
            if said[0] != said[1]:
                raise RuntimeError(f"{name}: {json.dumps(said, ensure_ascii=False)[:4000]}")


async def _race(ours: Door, control: Api, cursor: str) -> None:
    loads: dict[str, list[Load]] = defaultdict(list)

    async def ask(name: str, api: Api, path: str) -> float:
        script = RANDOM_IDS if path == _paths(cursor)["one"] else ONE_PATH
        script = script.replace("TOKEN", ours.token(Role.CLERK, COUNTY)).replace("ROWS", str(ROWS))
        loads[name].append(await wrk(api, path, script))
        return loads[name][-1].per_second

    ways = {}
    for name, path in _paths(cursor).items():
        for who, asked in (("ours", ours.api), ("control", control)):
            ways[f"{who} {name}"] = lambda n=f"{who} {name}", a=asked, p=path: ask(n, a, p)
    found = await interleaved(ways)
    cpu = {name: statistics.median(load.cpu for load in seen) for name, seen in loads.items()}
    failed = sum(load.failed for seen in loads.values() for load in seen)
    for name in _paths(cursor):
        mine, bare = f"ours {name}", f"control {name}"
        (rate, spread), (limit, _) = found[mine], found[bare]
        detail = (
            f"{rate:,.0f} req/s (±{spread:.0%}) ÷ {limit:,.0f} req/s, {ROWS:,} rows; CPU a request"
            f" {cpu[mine] * 1000:.2f} against {cpu[bare] * 1000:.2f} ms ({cpu[bare] / cpu[mine]:.2f})"
        )
        line(f"2  GET, {name}", rate / limit, "≥ 0.60 (0.75)", detail)
    ratio = found["ours page 1"][0] / found["ours page 1,000"][0]
    line("2  time of page 1,000 ÷ page 1", ratio, "≤ 1.2", f"failed answers of all {failed}")


async def _statements(database: ServiceDatabase, cursor: str) -> None:
    """Count what a list executes, however many it shows and wherever it lies."""
    logging.configure("requests", stream=io.StringIO())
    issuer = DevelopmentIssuer(env="test", url=ISSUER)
    settings = RequestsSettings(env=Environment.TEST)
    deps = replace(make_deps(settings, database.url, issuer), vault=VAULT)
    seen: list[str] = []
    event.listen(deps.db.engine.sync_engine, "before_cursor_execute", lambda *said: seen.append(said[2]))
    headers = {"Authorization": f"Bearer {issuer.issue('bench', '测量员', [Grant(Role.CLERK, COUNTY)])}"}
    transport = httpx.ASGITransport(app=SERVICE.create_app(deps))
    counts = []
    async with httpx.AsyncClient(transport=transport, base_url="http://bench.test", headers=headers) as client:
        for query in ("limit=1", f"limit={LIMIT}", "limit=200", f"limit={LIMIT}&cursor={cursor}"):
            seen.clear()
            (await client.get(f"{PATH}?{query}")).raise_for_status()
            counts.append(len(seen))
    await deps.db.dispose()
    line("2  SQL statements of a list", max(counts), "constant", f"counted {counts} for 1, 20, 200 rows and page 1,000")


if __name__ == "__main__":
    asyncio.run(main())
