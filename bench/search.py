"""Goal 11: search over 100,000 documents, 1,000 random substrings of 2–6 characters, against a brute scan.

The texts are stretches of the five sample plans put together at random, so their bigrams are as common as in real
documents. Recall and precision are counted over every match of every question; the times are of one page of twenty
(the product's query, verification and names included) and of the same question as a scan for the substring.
`BENCH_DOCUMENTS` and `BENCH_QUERIES` make it smaller.
"""

import asyncio
import os
import random
import statistics
import time
from collections.abc import Awaitable
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg

from bench.rig import line
from services.catalog.search import queries
from services.catalog.search.queries import Search, Sort, search
from services.catalog.search.rules import fold, vector
from services.catalog.settings import CatalogSettings
from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.migrate import upgrade
from shared.db.sessions import ReadSession
from tests.kit.crash import CrashServer

DOCUMENTS = int(os.environ.get("BENCH_DOCUMENTS", "100000"))
QUERIES = int(os.environ.get("BENCH_QUERIES", "1000"))
PLANS = Path(__file__).parents[1] / "services" / "catalog" / "sample" / "documents"
AGENCY = UUID("0191d000-0000-7000-8000-000000000001")
BATCH = 2_000
PAGE = 20
CANDIDATES: int = CatalogSettings.model_fields["search_candidates"].default
_DOCUMENT = """
    INSERT INTO documents (id, agency_id, version, state, title, body, due_provisional, revision, drafter_id,
                           drafter_name, published_on, created_at, updated_at)
    VALUES ($1, $2, 1, 'published', $3, $4, false, 1, 'bench', 'bench', $5, now(), now())
"""
_CHUNK = """
    INSERT INTO search_chunks (document_id, number, agency_id, published_on, folded, vector)
    VALUES ($1, $2, $3, $4, $5, cast($6::text AS tsvector))
"""
_SCAN = "SELECT document_id FROM search_chunks WHERE position($1 IN folded) > 0 ORDER BY published_on DESC LIMIT 20"


async def main() -> None:
    server = await asyncio.to_thread(CrashServer)
    try:
        url = await asyncio.to_thread(server.database, "bench_search")
        await upgrade("catalog", url)
        chance = random.Random(11)
        connection = await direct.connect(url, "bench")
        texts = await _fill(connection, chance)
        db = Database(url, "catalog")
        await _measure(db, connection, texts, chance)
        await db.dispose()
        await direct.close(connection)
    finally:
        await asyncio.to_thread(server.close)


async def _fill(connection: asyncpg.Connection, chance: random.Random) -> dict[UUID, str]:
    """Write the documents with their chunks; the index is built afterwards, as a restore would."""
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(PLANS.glob("*.txt")))
    await connection.execute("DROP INDEX ix_search_chunks_vector")
    texts: dict[UUID, str] = {}
    day = date(2020, 1, 1)
    for first in range(0, DOCUMENTS, BATCH):
        documents, chunks = [], []
        for number in range(first, min(first + BATCH, DOCUMENTS)):
            body, identity = _text(source, chance), uuid7()
            folded, on = fold(body), day + timedelta(days=number % 2_000)
            texts[identity] = folded
            documents.append((identity, AGENCY, f"第{number}件", body, on))
            chunks.append((identity, 1, AGENCY, on, folded, vector(folded, "D")))
        async with connection.transaction():
            await connection.executemany(_DOCUMENT, documents)
            await connection.executemany(_CHUNK, chunks)
    await connection.execute(
        "CREATE INDEX ix_search_chunks_vector ON search_chunks USING gin (vector) WITH (fastupdate = off)", timeout=600
    )
    await connection.execute("VACUUM ANALYZE", timeout=600)
    return texts


def _text(source: str, chance: random.Random) -> str:
    pieces = []
    for _ in range(chance.randint(3, 12)):
        at = chance.randrange(len(source) - 80)
        pieces.append(source[at : at + chance.randint(10, 80)])
    return "".join(pieces)


async def _measure(db: Database, connection: asyncpg.Connection, texts: dict[UUID, str], chance: random.Random) -> None:
    held = list(texts.values())
    questions: list[str] = []
    while len(questions) < QUERIES:
        text = chance.choice(held)
        at = chance.randrange(len(text) - 6)
        questions.append(text[at : at + chance.randint(2, 6)].strip())
    wanted = found = right = 0
    times: dict[str, list[float]] = {"relevance": [], "newest": [], "scan": []}
    for question in questions:
        expected = {identity for identity, text in texts.items() if question in text}
        wanted += len(expected)
        async with db.read() as session:
            matched = await _every(session, question)
            found, right = found + len(matched), right + len(matched & expected)
            for sort in Sort:
                ask = Search(question, sort=sort)
                page = search(session, ask, cursor=None, limit=PAGE, candidates=CANDIDATES)
                times[sort.value].append(await _timed(page))
        times["scan"].append(await _timed(connection.fetch(_SCAN, question)))
    line("11 search, recall", right / wanted, "1.000", f"{wanted:,} matches of {QUERIES:,} questions")
    line("11 search, precision", right / found, "1.000", f"{DOCUMENTS:,} documents")
    scan = _p95(times["scan"])
    for sort in Sort:
        ours = times[sort.value]
        middle = statistics.median(ours)
        detail = f"p95 {_p95(ours) * 1000:,.1f} ms, p50 {middle * 1000:,.1f} ms; scan {scan * 1000:,.1f} ms"
        line(f"11 search, p95, {sort.value}", _p95(ours) / scan, "≤ 0.5", detail)


async def _every(session: ReadSession, question: str) -> set[UUID]:
    """Every match, without what a page shows of it."""
    rows = await queries.newest(session, queries.matching(Search(question), question), None, DOCUMENTS)
    return {row.document_id for row in rows}


async def _timed(answer: Awaitable[object]) -> float:
    began = time.perf_counter()
    await answer
    return time.perf_counter() - began


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


if __name__ == "__main__":
    asyncio.run(main())
