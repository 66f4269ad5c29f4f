"""Fires what an OpenAPI document allows, and what it forbids, at a running service: schemathesis, bounded.

The service runs in the test's own loop behind a real server, schemathesis as a process of its own. An answer that
the document does not declare (no document declares a 500), or a body that does not fit its schema, fails with
schemathesis' own report. 503 is declared: an agency made up by the fuzzer is one that is "not replicated yet".
"""

import asyncio
import contextlib
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

CHECKS = (
    "status_code_conformance,content_type_conformance,response_headers_conformance,"
    "response_schema_conformance,unsupported_method,allow_header_conformance,ignored_auth,negative_data_rejection"
)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve `app` on a free loopback port from the running loop; give its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, lifespan="off", access_log=False, log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def fuzz(
    app: ASGIApp, service: str, headers: Mapping[str, str], *, max_examples: int = 8, seconds: float = 540
) -> None:
    """Try every operation of a service's document; raises AssertionError with the report."""
    async with serving(app) as address:
        with tempfile.TemporaryDirectory() as folder:
            command = [
                str(Path(sys.executable).with_name("schemathesis")),
                "run",
                f"{address}/api/{service}/openapi.json",
            ]
            command += ["--url", address, "--checks", CHECKS, "--max-examples", str(max_examples), "--seed", "20190515"]
            command += ["--phases", "examples,coverage,fuzzing", "--no-shrink", "--no-color", "--warnings", "off"]
            command += [f"--header={name}:{value}" for name, value in headers.items()]
            process = await asyncio.create_subprocess_exec(
                *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            try:
                report, _ = await asyncio.wait_for(process.communicate(), seconds)
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
    assert process.returncode == 0, report.decode(errors="replace")
