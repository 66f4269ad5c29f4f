"""What the measurements of services share: a migrated, durable database, the service's own API process, and `wrk`.

The API is `lantai serve` as an operator starts it: one process, tokens verified against a key set fetched over HTTP,
metrics and JSON logs on. Keys and tokens come from an issuer of the measurement's own.
"""

import asyncio
import base64
import os
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
import psutil
import uvicorn

from shared.auth import DevelopmentIssuer, Grant, Role
from shared.auth.issuer_app import issuer_app
from shared.crypto import Vault
from shared.db import direct
from tests.kit.crash import CrashServer
from tests.kit.ports import free_port
from tests.kit.postgres import PostgresServer, ServiceDatabase

DATA_KEY = base64.b64encode(b"bench" * 6 + b"..").decode()
VAULT = Vault.parse(f"k1:{DATA_KEY}")
SECONDS = float(os.environ.get("BENCH_SECONDS", "4"))
CONNECTIONS = 32
COUNTY = UUID("0191d000-0000-7000-8000-000000000001")
AGENCIES = [UUID(int=COUNTY.int + number) for number in range(1, 65)]
_AGENCY = """
    INSERT INTO agency_replica (id, code, name, parent_id, level, locality, active)
    VALUES ($1, $2, $3, $4, $5, NULL, true)
"""


class NoWrk(RuntimeError):
    """The load generator is not installed."""

    def __init__(self) -> None:
        super().__init__("wrk is not installed; on Debian: apt-get install wrk")


@asynccontextmanager
async def service_database(service: str) -> AsyncIterator[ServiceDatabase]:
    """A service's migrated database with its real roles, fsync on, and a county of 64 agencies in it."""
    server = await asyncio.to_thread(CrashServer)
    try:
        databases = PostgresServer(server.embedded.url(), server.background)
        found = await asyncio.to_thread(databases.service, service)
        connection = await direct.connect(found.admin_url, "bench")
        await connection.execute(_AGENCY, COUNTY, "C000", "青山县人民政府", None, "county")
        rows = [(agency, f"A{n:03}", f"青山县第{n}局", COUNTY, "department") for n, agency in enumerate(AGENCIES, 1)]
        await connection.executemany(_AGENCY, rows)
        await direct.close(connection)
        yield found
    finally:
        await asyncio.to_thread(server.close)


@dataclass(frozen=True)
class Api:
    """An API process that answers on `port`."""

    port: int
    process: psutil.Process

    def seconds(self) -> float:
        """How much of a processor it has used so far."""
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)


@dataclass(frozen=True)
class Door:
    """A service's API process, and the issuer it trusts."""

    api: Api
    issuer: DevelopmentIssuer

    def token(self, role: Role, agency: UUID) -> str:
        return self.issuer.issue("bench", "测量员", [Grant(role, agency)])


@asynccontextmanager
async def issuing() -> AsyncIterator[DevelopmentIssuer]:
    """An issuer that serves its keys over HTTP."""
    listening = socket.create_server(("127.0.0.1", 0))
    issuer = DevelopmentIssuer(env="test", url=f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(issuer_app(issuer), log_level="critical", lifespan="off"))
    serving = asyncio.create_task(server.serve([listening]))
    yield issuer
    server.should_exit = True
    await serving


@asynccontextmanager
async def door(service: str, database: ServiceDatabase) -> AsyncIterator[Door]:
    """`lantai serve SERVICE` on that database."""
    async with issuing() as issuer:
        environment = {
            "LANTAI_ENV": "test",
            "LANTAI_DATABASE_URL": database.url,
            "LANTAI_DATA_KEYS": f"k1:{DATA_KEY}",
            "LANTAI_OIDC_ISSUER": issuer.url,
            "LANTAI_OIDC_JWKS_URL": f"{issuer.url}/jwks",
        }
        async with api(["-m", "services.cli.main", "serve", service, "--port"], environment) as started:
            yield Door(started, issuer)


@asynccontextmanager
async def api(arguments: Iterable[str], environment: dict[str, str] | None = None) -> AsyncIterator[Api]:
    """A Python process that is given a free port as its last argument and answers `/healthz` there."""
    port = free_port()
    with tempfile.TemporaryFile() as log:
        own = {name: value for name, value in os.environ.items() if not name.startswith("LANTAI_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, str(port), env=own | (environment or {}), stdout=log, stderr=log
        )
        try:
            await _ready(process, port)
            yield Api(port, psutil.Process(process.pid))
        except BaseException:
            log.seek(0)
            print(log.read()[-3000:].decode(errors="replace"), file=sys.stderr)
            raise
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        while process.returncode is None:
            try:
                await client.get(f"http://127.0.0.1:{port}/healthz")
                return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise RuntimeError("the API did not start")


@dataclass(frozen=True)
class Load:
    """What `wrk` saw. `failed` answers were not 2xx; `cpu` is the API's processor time for one, in seconds."""

    per_second: float
    failed: int
    cpu: float


async def wrk(api: Api, path: str, script: str) -> Load:
    """Ask for some seconds over 32 connections as the Lua `script` says."""
    before = api.seconds()
    command = shutil.which("wrk")
    if command is None:
        raise NoWrk
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        flags = f"-t1 -c{CONNECTIONS} -d{max(round(SECONDS), 1)}s --timeout 10s -s".split()
        url = f"http://127.0.0.1:{api.port}{path}"
        done = await asyncio.create_subprocess_exec(
            command, *flags, file.name, url, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        output = (await done.communicate())[0].decode()
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    answered = re.search(r"(\d+) requests in", output)
    if rate is None or answered is None:
        raise RuntimeError(output)
    cpu = (api.seconds() - before) / max(int(answered[1]), 1)
    return Load(float(rate[1]), int(wrong[1]) if wrong else 0, cpu)
