"""`lantai story` is as told: all in one on the embedded log and on real Kafka, as separate processes, on any date."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.db.embedded import EmbeddedPostgres
from tests.kit.background import Background
from tests.kit.deployment import Deployment
from tests.kit.kafka import KafkaBroker
from tests.kit.lantai import UpProcess, directory, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
END = "故事讲完，一切如所述。"


@pytest.fixture
def var() -> Iterator[Path]:
    with directory() as parent:
        yield parent / "var"


def told(url: str) -> str:
    """Play the story; return what it told."""
    played = run("story", environment={"LANTAI_BASE_URL": url}, seconds=400)
    assert played.returncode == 0, f"{played.stdout[-3000:]}\n{played.stderr[-3000:]}"
    assert played.stdout.rstrip().endswith(END)
    return played.stdout


def untouched(var: Path, **environment: str) -> None:
    """Nobody but the services wrote the audit trail."""
    verified = run("audit", "verify", environment={"LANTAI_VAR": str(var), **environment})
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_all_in_one_on_its_own_log_and_twice_on_the_same_data(var: Path) -> None:
    up = UpProcess(var)
    try:
        told(up.url)
        told(up.url)
        untouched(var)
        assert up.stop()[0] == 0
    finally:
        up.end()


def test_all_in_one_on_kafka_and_postgresql(var: Path, kafka_broker: KafkaBroker, background: Background) -> None:
    server = EmbeddedPostgres(var.parent / "server")
    background.run(server.start())
    real = {
        "LANTAI_ENV": "development",
        "LANTAI_KAFKA_BOOTSTRAP_SERVERS": kafka_broker.bootstrap,
        "LANTAI_POSTGRES_URL": server.url(),
    }
    up = UpProcess(var, real)
    try:
        assert not (var / "postgres").exists(), "it brought its own PostgreSQL all the same"
        told(up.url)
        untouched(var, **real)
        assert up.stop()[0] == 0
    finally:
        up.end()
        background.run(server.stop())


def test_as_separate_processes_on_kafka_and_postgresql(deployment: Deployment) -> None:
    deployment.seed()
    told(deployment.url)


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param("2026-11-29 10:00", id="sunday"),
        pytest.param("2026-02-17 21:30", id="spring-festival"),
        pytest.param("2026-12-30 09:00", id="year-end"),
        pytest.param("2027-06-16 15:00", id="year-without-notice"),
    ],
)
def test_on_any_date(var: Path, moment: str) -> None:
    up = UpProcess(var, {}, "--no-sample-data")
    here = {"LANTAI_VAR": str(var), "LANTAI_BASE_URL": up.url}
    try:
        for command in (["clock", "offset", "--to", moment], ["seed"]):
            done = run(*command, environment=here, seconds=120)
            assert done.returncode == 0, done.stdout + done.stderr
        told(up.url)
    finally:
        up.end()
