"""Goal 12: every POST is retried five times at once, a fifth of the connections cut: one row and one answer per key."""

import asyncio
import json
import os
import random
import socket
from collections import Counter as Tally
from collections import defaultdict
from contextlib import suppress
from uuid import UUID, uuid4

import uvicorn

from bench.rig import connection, database, line
from shared.db import direct
from shared.db.engine import Database
from tests.kit.edge import NOTES, EdgeTestSettings, edge_service

KEYS = int(os.environ.get("KEYS", "1000"))
RETRIES = 5
CUT_SHARE = 0.2
AT_ONCE = 20
AGENCY = str(UUID(int=7))


async def main() -> None:
    async with database() as db:
        async with connection(db) as c:
            await c.execute(NOTES)
            await c.execute("CREATE TABLE alembic_version (version_num text)")
        async with edge_service(db.url, EdgeTestSettings(public_requests_per_minute=10**9)) as edge:
            listening = socket.create_server(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(edge.app, log_level="critical", lifespan="off"))
            serving = asyncio.create_task(server.serve([listening]))
            answers, refused = await _storm(listening.getsockname()[1])
            server.should_exit = True
            await serving
        rows, keys = await _rows(db)
    different = sum(len(set(bodies)) > 1 for bodies in answers.values())
    unanswered = KEYS - len(answers)
    detail = (
        f"rows per key, {KEYS:,} keys × {RETRIES}; keys kept {keys:,}, replays that differ {different} (0),"
        f" keys without an answer {unanswered} (0), other answers by status {dict(refused)}"
    )
    line("12 idempotent replay", f"{rows / KEYS:.6f}", "1", detail)


async def _storm(port: int) -> tuple[dict[str, list[bytes]], Tally[int]]:
    """Post every key `RETRIES` times at once; then once more for each, so that every key has an answer to compare."""
    chance = random.Random(12)
    answers: dict[str, list[bytes]] = defaultdict(list)
    refused: Tally[int] = Tally()
    gate = asyncio.Semaphore(AT_ONCE)

    async def post(key: str, cut: bool) -> None:
        async with gate:
            status, body = await _post(port, key, cut)
        if status == 201:
            answers[key].append(body)
        elif status:
            refused[status] += 1

    keys = [str(uuid4()) for _ in range(KEYS)]
    for start in range(0, KEYS, 50):
        part = [key for key in keys[start : start + 50] for _ in range(RETRIES)]
        await asyncio.gather(*(post(key, chance.random() < CUT_SHARE) for key in part))
        await asyncio.gather(*(post(key, cut=False) for key in keys[start : start + 50]))
    return answers, refused


async def _post(port: int, key: str, cut: bool) -> tuple[int, bytes]:
    """One POST on a connection of its own; a cut one leaves after sending, at some moment of the server's work."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"text": f"笔记 {key}", "agency_id": AGENCY}).encode()
    head = (
        f"POST /api/edge/v1/notes HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    try:
        if cut:
            await asyncio.sleep(random.uniform(0, 0.05))
            return 0, b""
        answer = await asyncio.wait_for(reader.read(), 30)
        headers, _, content = answer.partition(b"\r\n\r\n")
        return int(headers.split(b" ", 2)[1]), content
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _rows(db: Database) -> tuple[int, int]:
    opened = await direct.connect(db.url, "bench")
    try:
        rows = await opened.fetchval("SELECT count(*) FROM notes")
        return rows, await opened.fetchval("SELECT count(*) FROM idempotency_keys")
    finally:
        await direct.close(opened)


if __name__ == "__main__":
    asyncio.run(main())
