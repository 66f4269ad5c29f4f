"""Goal 1: registering a request over HTTP, against what PostgreSQL commits when asked as directly as Python can.

Ours: `wrk` posts over 32 connections to one API process (token, idempotency key, sealed data, row, history, four
timers, event, audit entry, kept answer; metrics and logs on), spread over 64 agencies. The control: 32 connections of
bare asyncpg in this process, each doing five prepared INSERTs of the same rows (one timer) in BEGIN … COMMIT.
"""

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from bench.rig import interleaved, line
from bench.stage import AGENCIES, CONNECTIONS, COUNTY, SECONDS, Door, Load, door, service_database, wrk
from shared.auth import Role
from shared.calendar import civil_day
from shared.db import direct
from shared.db.ids import uuid7
from tests.kit.postgres import ServiceDatabase
from tests.service.requests.desk import application

PATH = "/api/requests/v1/registrations"
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer TOKEN"
local count, run, body = 0, "RUN", [[BODY]]
request = function()
  count = count + 1
  wrk.headers["Idempotency-Key"] = run .. count
  local agency = string.format("0191d000-0000-7000-8000-%012x", 2 + count % AGENCIES)
  return wrk.format(nil, nil, nil, (string.gsub(body, "AGENCY", agency, 1)))
end
"""
TABLES = ("applications", "timers", "outbox", "audit_entries", "idempotency_keys")
GENERATED = ("outbox.id",)
IDENTITIES = ("id", "receipt_number", "recipient_ref", "subject", "event_id", "key")


async def main() -> None:
    async with service_database("requests") as database, door("requests", database) as opened:
        control = await Control.made(database, await register_one(opened))
        script = _script(opened)
        loads: list[Load] = []

        async def ours() -> float:
            loads.append(await wrk(opened.api, PATH, script.replace("RUN", uuid4().hex)))
            return loads[-1].per_second

        found = await interleaved({"ours": ours, "control": control.run})
        await control.close()
    (rate, spread), (limit, _) = found["ours"], found["control"]
    failed, cpu = sum(load.failed for load in loads), statistics.median(load.cpu for load in loads)
    detail = (
        f"{rate:,.0f} req/s (±{spread:.0%}) ÷ {limit:,.0f} txn/s; CPU of the API {cpu * 1000:.2f} ms a request;"
        f" failed answers {failed}"
    )
    line("1  POST of a request", rate / limit, "≥ 0.33 (0.45)", detail)


def _body(agency: str) -> dict[str, Any]:
    today = civil_day(datetime.now(UTC))
    return application(agency_id=agency) | {"channel": "counter", "delivered_on": today.isoformat()}


def _script(ours: Door) -> str:
    body = json.dumps(_body("AGENCY"), ensure_ascii=False)
    script = SCRIPT.replace("BODY", body).replace("AGENCIES", str(len(AGENCIES)))
    return script.replace("TOKEN", ours.token(Role.CLERK, COUNTY))


async def register_one(ours: Door) -> str:
    """The case whose rows the control copies."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{ours.api.port}") as client:
        headers = {"Authorization": f"Bearer {ours.token(Role.CLERK, COUNTY)}", "Idempotency-Key": str(uuid4())}
        answer = await client.post(PATH, json=_body(str(AGENCIES[0])), headers=headers)
        answer.raise_for_status()
        return str(answer.json()["id"])


class Control:
    """Five INSERTs a transaction, of the rows that one registration wrote."""

    def __init__(self, pool: asyncpg.Pool, statements: Sequence[tuple[str, list[str], list[Any]]]) -> None:
        self._pool = pool
        self._statements = statements

    @classmethod
    async def made(cls, database: ServiceDatabase, subject: str) -> "Control":
        pool = await asyncpg.create_pool(direct.dsn(database.admin_url), min_size=CONNECTIONS, max_size=CONNECTIONS)
        statements = []
        for table in TABLES:
            row = await pool.fetchrow(f"SELECT * FROM {table} LIMIT 1")
            names = [name for name in dict(row) if f"{table}.{name}" not in GENERATED]
            places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
            columns = ", ".join(f'"{name}"' for name in names)
            statements.append((f"INSERT INTO {table} ({columns}) VALUES ({places})", names, [row[n] for n in names]))
        return cls(pool, statements)

    async def run(self) -> float:
        """Transactions a second."""
        until = time.perf_counter() + SECONDS
        began = time.perf_counter()
        done = sum(await asyncio.gather(*(self._client(until) for _ in range(CONNECTIONS))))
        return done / (time.perf_counter() - began)

    async def _client(self, until: float) -> int:
        done = 0
        async with self._pool.acquire() as connection:
            while time.perf_counter() < until:
                fresh = uuid7()
                async with connection.transaction():
                    for statement, names, values in self._statements:
                        await connection.execute(statement, *_renewed(names, values, fresh))
                done += 1
        return done

    async def close(self) -> None:
        await self._pool.close()


def _renewed(names: list[str], values: list[Any], fresh: Any) -> list[Any]:
    """The row's values with identities of their own."""
    return [
        value if name not in IDENTITIES else str(fresh) if isinstance(value, str) else fresh
        for name, value in zip(names, values, strict=True)
    ]


if __name__ == "__main__":
    asyncio.run(main())
