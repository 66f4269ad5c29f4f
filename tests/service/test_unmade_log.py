"""A worker whose event log was never made says so and ends; one whose PostgreSQL is merely away waits for it."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy.engine import make_url

from services.sentiment.settings import SentimentSettings
from shared.bus.embedded_schema import migrate_bus
from shared.service.provisioning import LogNotMade, require_log
from shared.service.settings import Environment
from tests.kit.lantai import Child, run
from tests.kit.ports import free_port
from tests.kit.postgres import Builder, PostgresServer, ServiceDatabase

Fresh = Callable[[str, Builder], str]
AWAY = "postgresql://lantai:hidden@127.0.0.1:1/lantai_bus"


async def nothing(_url: str) -> None:
    """Leave the database empty."""


def settings(bus_url: str, kafka: str | None = None) -> SentimentSettings:
    return SentimentSettings.model_validate(
        {"env": Environment.TEST, "bus_url": bus_url, "kafka_bootstrap_servers": kafka}
    )


def another(url: str, **changes: str) -> str:
    return make_url(url).set(**changes).render_as_string(hide_password=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("lacking", ["role", "database", "tables"])
def test_a_worker_ends_with_one_sentence(
    fresh_database: Fresh, service_database: Callable[[str], ServiceDatabase], lacking: str
) -> None:
    empty = fresh_database("empty", nothing)
    changes = {"role": {"username": "a_stranger"}, "database": {"database": "not_there"}, "tables": {}}
    environment = {
        "LANTAI_ENV": "test",
        "LANTAI_NOTIFY_DATABASE_URL": service_database("notify").url,
        "LANTAI_BUS_URL": another(empty, **changes[lacking]),
    }
    ended = run("worker", "notify", "--port", "0", environment=environment)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    told = {"role": "a_stranger", "database": "not_there", "tables": "bus_schema"}
    assert line.startswith("lantai: the event log at ") and told[lacking] in line
    assert "run `lantai migrate all`" in line and "LANTAI_BUS_URL" in line


def test_a_worker_whose_secret_is_not_the_one_the_log_was_made_with_ends_too(
    postgres: PostgresServer, service_database: Callable[[str], ServiceDatabase]
) -> None:
    environment = {
        "LANTAI_ENV": "test",
        "LANTAI_NOTIFY_DATABASE_URL": service_database("notify").url,
        "LANTAI_POSTGRES_URL": postgres.url,
        "LANTAI_SECRET_KEY": "another-secret-of-thirty-two-characters-or-more",
    }
    ended = run("worker", "notify", "--port", "0", environment=environment)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert 'failed for user "lantai_bus_app"' in line and "is not ready for us" in line
    assert "run `lantai migrate all`" in line and "LANTAI_POSTGRES_URL and LANTAI_SECRET_KEY" in line


def test_a_worker_whose_log_is_away_runs_and_waits(
    service_database: Callable[[str], ServiceDatabase], tmp_path: Path
) -> None:
    port = free_port()
    environment = {
        "LANTAI_ENV": "test",
        "LANTAI_NOTIFY_DATABASE_URL": service_database("notify").url,
        "LANTAI_BUS_URL": AWAY,
    }
    worker = Child(["worker", "notify", "--port", str(port)], environment, tmp_path / "worker.log")
    try:
        limit = time.monotonic() + 60
        while "listener lost" not in worker.output:
            assert worker.process.poll() is None and time.monotonic() < limit, worker.output
            time.sleep(0.1)
        ready = httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=10)
        assert (ready.status_code, ready.json()["checks"]["bus"]["status"]) == (200, "degraded")
        assert worker.stop()[0] == 0
    finally:
        worker.end()


async def test_a_log_of_an_older_release_is_refused_and_one_that_was_made_is_not(
    fresh_database: Fresh, postgres: PostgresServer
) -> None:
    made = settings(fresh_database("bus", migrate_bus))
    await require_log(made)
    assert made.bus_url is not None
    postgres.execute("DELETE FROM bus_schema WHERE step > 0", url=made.bus_url.get_secret_value())
    with pytest.raises(LogNotMade, match=re.escape("at step 1 of 2")):
        await require_log(made)


async def test_a_server_that_is_away_or_not_asked_refuses_nobody() -> None:
    await require_log(settings(AWAY))
    await require_log(settings("postgresql://lantai@127.0.0.1:1/never_asked", "127.0.0.1:1"))
