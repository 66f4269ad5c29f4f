"""Goal 13: the API with the broker dead against the API with it alive, and how long a part takes to end then.

The API runs in a process of its own (`--serve`), a relay and a consumer beside it, and `wrk` asks. Each POST commits
a row and an event. STOPS (20) is how often a part is ended while the broker is dead.
"""

import asyncio
import json
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any
from uuid import UUID

from bench.rig import ROUNDS, broker, line, reached
from tests.kit.crash import Arena, CrashServer
from tests.kit.kafka import KafkaBroker
from tests.kit.ports import free_port

SECONDS = 6
STOPS = int(os.environ.get("STOPS", "20"))
SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
"""


async def serve(url: str, port: int) -> None:
    """An API of one route: a unit of work that emits an event."""
    import uvicorn
    from fastapi import APIRouter

    from shared.bus.doorbell import Doorbell
    from shared.db.ids import uuid7
    from shared.http.app import service_app
    from shared.http.openapi import PUBLIC
    from shared.http.sessions import Write
    from tests.kit.edge import EdgeTestSettings, edge_parts
    from tests.kit.spine import AGENCY, Counted

    router = APIRouter()

    @router.post("/counts", openapi_extra=PUBLIC)
    async def count(uow: Write) -> dict[str, UUID]:
        subject = uuid7()
        uow.emit(Counted(number=1), subject=subject, agency_id=AGENCY)
        return {"id": subject}

    parts = edge_parts(url, EdgeTestSettings(public_requests_per_minute=10**9))
    app = service_app("bench", "测量", parts, [router], description="只用于测量。")
    Doorbell(parts.db).start()
    await uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off")).serve()


async def main() -> None:
    server = await asyncio.to_thread(CrashServer)
    async with broker() as kafka:
        arena = await asyncio.to_thread(Arena, server, f"kafka {kafka.bootstrap}")
        await arena.open()
        try:
            await _compare(arena, kafka)
            await _endings(arena, kafka)
        finally:
            await asyncio.to_thread(arena.close)
    await asyncio.to_thread(server.close)


async def _compare(arena: Arena, kafka: KafkaBroker) -> None:
    port = free_port()
    environment = os.environ | {"COUNTERS_TOPIC": arena.topic}
    command = [sys.executable, "-m", "bench.spine_outage", "--serve", arena.source_url, str(port)]
    api = await asyncio.to_thread(subprocess.Popen, command, env=environment)
    parts = [arena.start("relay"), arena.start("consumer")]
    try:
        await reached(lambda: _listening(port), 0.2)
        rates, failed = await _rates(kafka, port)
    finally:
        for child in parts:
            child.signal(signal.SIGKILL)
        api.kill()
        await asyncio.to_thread(api.wait, 15)
    up, down = (statistics.median(seen[1:]) for seen in rates.values())
    line("13 API, broker dead ÷ alive", down / up, "≥ 0.9", f"{down:,.0f} ÷ {up:,.0f} req/s; failed answers {failed}")


async def _rates(kafka: KafkaBroker, port: int) -> tuple[dict[str, list[float]], int]:
    """Ask with the broker alive and dead in turn; what could not be answered is counted over all rounds."""
    rates: dict[str, list[float]] = {"up": [], "down": []}
    failed = 0
    for _ in range(ROUNDS):
        for state, seen in rates.items():
            if state == "down":
                await asyncio.to_thread(kafka.kill9)
            rate, wrong = await asyncio.to_thread(_wrk, port)
            seen.append(rate)
            failed += wrong
            if state == "down":
                await asyncio.to_thread(kafka.restart)
                await asyncio.sleep(3)
    return rates, failed


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wrk(port: int) -> tuple[float, int]:
    """(requests a second, answers that were not 2xx)."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        done = subprocess.run(
            ["wrk", "-t1", "-c16", f"-d{SECONDS}s", "-s", script.name, f"http://127.0.0.1:{port}/api/bench/v1/counts"],
            capture_output=True,
            text=True,
            check=True,
        )
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert rate is not None, done.stdout
    return float(rate[1]), int(wrong[1]) if wrong else 0


async def _endings(arena: Arena, kafka: KafkaBroker) -> None:
    """SIGTERM to a relay and a consumer that wait for a dead broker, each time at another moment."""
    took: list[float] = []
    codes: list[int] = []
    for number in range(STOPS):
        part: Any = arena.start(("relay", "consumer")[number % 2])
        await reached(lambda part=part: "started" in part.out.read_text(), 0.05)
        await asyncio.sleep(1)
        await asyncio.to_thread(kafka.kill9)
        await asyncio.sleep(number % 5)
        began = time.perf_counter()
        part.signal(signal.SIGTERM)
        codes.append(await part.ended(60))
        took.append(time.perf_counter() - began)
        await asyncio.to_thread(kafka.restart)
    within = sum(seconds <= 10 and code == 0 for seconds, code in zip(took, codes, strict=True))
    detail = f"within 10 s, longest {max(took):.1f} s; exit codes {json.dumps(sorted(set(codes)))}"
    line("13 SIGTERM with the broker dead", f"{within} of {STOPS}", "all", detail)


if __name__ == "__main__":
    if "--serve" in sys.argv:
        asyncio.run(serve(sys.argv[-2], int(sys.argv[-1])))
    else:
        asyncio.run(main())
