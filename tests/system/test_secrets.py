"""After a whole story no identity number, phone or mail address of an applicant stands in clear anywhere we keep data.

Every column of every table of every database is read (events and outbox bodies decoded), and the whole log.
"""

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

import asyncpg
import pytest

from services.cli.story.online import CITIZEN_ID, CITIZEN_MAIL
from services.roster import NAMES
from shared.db.embedded import EmbeddedPostgres
from shared.db.urls import database_of
from tests.kit.lantai import UpProcess, directory, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PHONE = "13800138000"
SECRETS = (CITIZEN_ID, PHONE, CITIZEN_MAIL, "liu.yang@lantai.example", "王芳")
DATABASES = (*(database_of(name) for name in NAMES), "lantai_bus")


@pytest.fixture
def var() -> Iterator[Path]:
    with directory() as parent:
        yield parent / "var"


async def everything(url: str) -> dict[str, str]:
    """Return the text of each table, binary columns decoded."""
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        tables = [row[0] for row in await connection.fetch(names)]
        return {table: clear(await connection.fetch(f'SELECT * FROM "{table}"')) for table in tables}
    finally:
        await connection.close()


def clear(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value) for row in rows for value in row
    )


def found_in(kept: dict[str, str]) -> list[tuple[str, str]]:
    return [(place, secret) for place, text in kept.items() for secret in SECRETS if secret in text]


def test_personal_data_stands_nowhere_in_clear(var: Path) -> None:
    up = UpProcess(var)
    try:
        played = run("story", environment={"LANTAI_BASE_URL": up.url}, seconds=400)
        assert played.returncode == 0, played.stdout[-2000:] + played.stderr[-2000:]
        server = EmbeddedPostgres(var)
        kept = {"log": up.output}
        for database in DATABASES:
            tables = asyncio.run(everything(server.url(database)))
            kept |= {f"{database}.{table}": text for table, text in tables.items()}
    finally:
        up.end()
    assert "lantai.requests.application.registered.v1" in kept["lantai_requests.outbox"], "nothing was read"
    assert found_in(kept) == []


def test_a_secret_in_clear_would_be_found() -> None:
    assert found_in({"t": clear([[1, f'{{"id": "{CITIZEN_ID}"}}'.encode()]])}) == [("t", CITIZEN_ID)]
