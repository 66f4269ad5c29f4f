"""`lantai up` as an operator lives with it: first start, second start, kill -9, the end, and all that can be wrong."""

import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.roster import NAMES
from shared.calendar import SHANGHAI
from shared.http.client import outside_client
from tests.kit.kafka import KafkaBroker
from tests.kit.lantai import Child, UpProcess, directory, run

QUICK = "--no-sample-data"
PROMISED_SECONDS = 10


@pytest.fixture
def var() -> Iterator[Path]:
    with directory() as parent:
        yield parent / "var"


@pytest.fixture
def started() -> Iterator[list[Child]]:
    """Whatever a test puts here is ended after it."""
    children: list[Child] = []
    yield children
    for child in children:
        child.end()


def ill(ready: dict[str, Any]) -> dict[str, str]:
    """The checks that are not well in any service, each with a reason."""
    checks = [check for service in ready["services"].values() for check in service["checks"].items()]
    return {name: check["reason"] for name, check in checks if check["status"] != "ok"}


def postgres_of(var: Path) -> list[str]:
    """The server processes kept below `var`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if str(var) in line and "postgres -D" in line:
                found.append(line)
    return found


SHIFT = timedelta(days=400)


def shifts(var: Path, *change: str) -> dict[str, timedelta]:
    """How far each service's clock, as `lantai clock offset` reads it, is ahead of the real time before the command."""
    before = datetime.now(UTC)
    told = run("clock", "offset", *change, environment={"LANTAI_VAR": str(var)})
    assert told.returncode == 0, told.stderr
    lines = (line.split(": ", 1) for line in told.stdout.splitlines())
    return {name: datetime.fromisoformat(reads).replace(tzinfo=SHANGHAI) - before for name, reads in lines}


def all_shifted(found: dict[str, timedelta]) -> bool:
    return found.keys() == set(NAMES) and all(abs(by - SHIFT) < timedelta(hours=1) for by in found.values())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_and_ends_in_time(var: Path, started: list[Child], number: signal.Signals) -> None:
    up = UpProcess(var, {}, QUICK)
    started.append(up)
    with outside_client(up.url) as http:
        ready = http.get("/readyz").json()
        assert set(ready["services"]) == {"catalog", "requests", "sentiment", "notify"}
        assert ill(ready).keys() == {"agencies"}, ready  # nobody has registered any
        assert http.get("/healthz").json() == {"status": "ok"}
        assert "兰台" in http.get("/").text
        numbers = http.get("/metrics").text
        for service in ready["services"]:
            assert f'lantai_worker_part_up{{part="relay",service="{service}"}} 1.0' in numbers
            assert http.get(f"/api/{service}/openapi.json").json()["openapi"].startswith("3.1")
            assert http.get(f"/api/{service}/docs").status_code == 200
        assert http.get("/nothing/here").status_code == 404
        assert http.get("/status").status_code == 200
    assert postgres_of(var)
    for key in (var / "keys").iterdir():
        assert stat.S_IMODE(key.stat().st_mode) == 0o600, key
    code, seconds = up.stop(number)
    assert (code, seconds < PROMISED_SECONDS) == (0, True), (code, seconds, up.output[-2000:])
    assert postgres_of(var) == []


def test_it_starts_while_the_broker_is_away(var: Path, started: list[Child], kafka_broker: KafkaBroker) -> None:
    """Readiness says why it is degraded; the topics are made when the broker is back, and all is well."""
    kafka_broker.kill9()
    settings = {"LANTAI_ENV": "development", "LANTAI_KAFKA_BOOTSTRAP_SERVERS": kafka_broker.bootstrap}
    up = UpProcess(var, settings, QUICK)
    started.append(up)
    with outside_client(up.url) as http:
        assert http.get("/api/catalog/v1/agencies").status_code == 200
        away = ill(http.get("/readyz").json())
        assert "Kafka" in away["bus"]
        kafka_broker.restart()
        limit = time.monotonic() + 60
        while (now := ill(http.get("/readyz").json())).keys() != {"agencies"}:
            assert time.monotonic() < limit, now
            time.sleep(0.3)
    assert "Traceback" not in up.output


def test_a_second_start_keeps_the_data_also_after_kill_9(var: Path, started: list[Child]) -> None:
    first = UpProcess(var, {}, QUICK)
    started.append(first)
    assert all_shifted(shifts(var, "--seconds", str(int(SHIFT.total_seconds()))))
    first.kill9()
    second = UpProcess(var, {}, QUICK)
    started.append(second)
    assert all_shifted(shifts(var)), "the clock's shift was lost"
    assert second.stop()[0] == 0
    third = UpProcess(var, {}, QUICK)
    started.append(third)
    assert all_shifted(shifts(var)), "the clock's shift was lost"


def test_a_stop_in_the_middle_of_the_first_start_is_a_stop(var: Path, started: list[Child]) -> None:
    child = Child(["up", QUICK], {"LANTAI_VAR": str(var), "LANTAI_PORT": "0"}, var.parent / "log")
    started.append(child)
    while not (var / "postgres").exists():
        time.sleep(0.02)
    time.sleep(0.3)
    code, seconds = child.stop()
    assert (code, seconds < PROMISED_SECONDS) == (0, True), (code, seconds, child.output)
    assert postgres_of(var) == []


def one_sentence(told: "subprocess.CompletedProcess[str]") -> str:
    """The command failed with 1 and one line, no traceback; return that line."""
    assert told.returncode == 1, (told.returncode, told.stderr)
    lines = [line for line in told.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1 and lines[0].startswith("lantai: "), told.stderr
    return lines[0]


def test_a_port_that_is_taken(var: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        told = one_sentence(run("up", environment={"LANTAI_VAR": str(var), "LANTAI_PORT": port}))
    assert port in told and "LANTAI_PORT" in told


def test_a_var_that_cannot_be_written(var: Path) -> None:
    var.parent.joinpath("file").write_text("not a directory")
    inside = var.parent / "file" / "var"
    told = one_sentence(run("up", environment={"LANTAI_VAR": str(inside), "LANTAI_PORT": "0"}))
    assert str(inside) in told and "LANTAI_VAR" in told


def test_a_var_in_use_and_a_damaged_cluster(var: Path, started: list[Child]) -> None:
    up = UpProcess(var, {}, QUICK)
    started.append(up)
    told = one_sentence(run("up", environment={"LANTAI_VAR": str(var), "LANTAI_PORT": "0"}))
    assert "already running" in told
    up.stop()
    (var / "postgres" / "data" / "global" / "pg_control").write_bytes(b"\0" * 8192)
    told = one_sentence(run("up", environment={"LANTAI_VAR": str(var), "LANTAI_PORT": "0"}))
    assert "backup" in told


def test_a_bus_of_its_own_for_one_service_is_refused(var: Path) -> None:
    elsewhere = {"LANTAI_VAR": str(var), "LANTAI_PORT": "0", "LANTAI_NOTIFY_BUS_URL": "postgresql://u:p@elsewhere/bus"}
    told = run("up", QUICK, environment=elsewhere)
    assert told.returncode == 1
    assert told.stderr.startswith("lantai: catalog and notify name different buses")
    assert "elsewhere" not in told.stderr and len(told.stderr.splitlines()) == 1
    assert postgres_of(var) == []


def test_production_refuses_what_is_only_for_development(var: Path) -> None:
    here = {"LANTAI_VAR": str(var), "LANTAI_PORT": "0"}
    for real in ({"LANTAI_ENV": "production"}, {"LANTAI_CATALOG_DATABASE_URL": "postgresql://server/catalog"}):
        assert "LANTAI_SECRET_KEY" in one_sentence(run("up", environment=here | real))
    told = one_sentence(run("issuer", "--port", "0", environment={"LANTAI_VAR": str(var), "LANTAI_ENV": "production"}))
    assert "production" in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["up", "--help"], 0),
        ([], 2),
        (["nothing"], 2),
        (["serve", "nobody"], 2),
        (["dead-letters", "show", "requests", "not-an-id"], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    assert run(*arguments).returncode == code


def test_a_command_without_a_system_says_so(var: Path) -> None:
    for command in (["audit", "verify"], ["dead-letters", "list", "requests"], ["clock", "offset"]):
        assert "lantai up" in one_sentence(run(*command, environment={"LANTAI_VAR": str(var)}))
    assert "LANTAI_POSTGRES_URL" in one_sentence(run("migrate"))
    assert "LANTAI_POSTGRES_URL" in one_sentence(run("serve", "sentiment", "--port", "0"))
