"""`lantai up` whose PostgreSQL is silent: every process of it is stopped (SIGSTOP), and none says so."""

import json
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

import httpx
import pytest

from services.roster import NAMES
from shared.db.embedded_files import ClusterFiles
from shared.db.embedded_server import leftovers
from shared.http.client import outside_client
from shared.http.health import CHECK_SECONDS
from tests.kit.lantai import UpProcess, directory

PROMISED_SECONDS = 10
SLACK_SECONDS = 1.5  # beside the time limit of one check


@pytest.fixture
def up() -> Iterator[UpProcess]:
    with directory() as parent:
        started = UpProcess(parent / "var", {}, "--no-sample-data")
        yield started
        started.end()


def processes(up: UpProcess) -> list[int]:
    return list(leftovers(ClusterFiles((up.log.parent / "var").resolve())))


def freeze(up: UpProcess) -> None:
    for pid in processes(up):
        os.kill(pid, signal.SIGSTOP)


def test_its_metrics_and_its_readiness_say_so_in_the_time_of_one_check(up: UpProcess) -> None:
    with outside_client(up.url) as http:
        assert set(databases(http.get("/metrics").text).items()) == {(name, 1.0) for name in NAMES}
        freeze(up)
        began = time.monotonic()
        answer = http.get("/metrics")
        assert time.monotonic() - began < CHECK_SECONDS + SLACK_SECONDS
        assert answer.status_code == 200
        assert set(databases(answer.text).items()) == {(name, 0.0) for name in NAMES}
        assert 'lantai_outbox_unpublished{service="requests"} NaN' in answer.text
        told = [json.loads(line) for line in up.output.splitlines() if "gauges_not_refreshed" in line]
        assert sorted(line["service"] for line in told) == sorted(NAMES)
        began = time.monotonic()
        ready = http.get("/readyz")
        assert time.monotonic() - began < CHECK_SECONDS + SLACK_SECONDS
        assert ready.status_code == 503
        checks = [service["checks"]["database"]["status"] for service in ready.json()["services"].values()]
        assert checks == ["failed"] * len(NAMES)


def test_it_ends_in_time_and_leaves_no_process(up: UpProcess) -> None:
    freeze(up)
    time.sleep(1)  # every part is waiting for an answer now
    code, seconds = up.stop()
    assert (code, seconds < PROMISED_SECONDS) == (0, True), (code, seconds, up.output[-2000:])
    assert processes(up) == []


def test_it_ends_in_time_while_callers_wait_for_answers(up: UpProcess) -> None:
    """More of them than there are connections; each is refused or cut off."""

    def answer(_: int) -> int:
        with suppress(httpx.HTTPError), outside_client(up.url) as http:
            return http.get("/api/catalog/v1/agencies").status_code
        return 0

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(answer, range(8))) == {200}
        freeze(up)
        waiting = [pool.submit(answer, number) for number in range(40)]
        time.sleep(1)
        code, seconds = up.stop()
        assert (code, seconds < PROMISED_SECONDS) == (0, True), (code, seconds, up.output[-2000:])
        assert {one.result() for one in waiting} <= {0, 503}
    assert processes(up) == []


def test_pollers_of_its_readiness_fill_no_log(up: UpProcess) -> None:
    """The operator's log says once what is wrong, in words, and holds no trace of what was cut short."""
    frozen, over = Event(), Event()

    def poll(_: int) -> set[int]:
        answers = set[int]()
        with outside_client(up.url) as http, suppress(httpx.HTTPError):
            while not over.is_set():
                status = http.get("/readyz").status_code
                answers |= {status} if frozen.is_set() else set()
        return answers

    with ThreadPoolExecutor(10) as pool:
        polling = [pool.submit(poll, number) for number in range(10)]
        time.sleep(1)  # each holds a connection
        freeze(up)
        frozen.set()
        time.sleep(12)
        code, _ = up.stop()
        over.set()
        assert 503 in set[int]().union(*(one.result() for one in polling))
    assert code == 0
    assert [line for line in up.output.splitlines() if "never retrieved" in line] == []
    assert "the server takes no more connections" in up.output
    told = [json.loads(line) for line in up.output.splitlines() if line.startswith("{")]
    lasting = Counter(
        (line["event"], line["service"], line.get("check"), line.get("channel"), line.get("reason") or line["error"])
        for line in told
        if line["event"] in ("check_failed", "sweep failed", "retries wait", "relay lost its session", "listener lost")
    )
    assert "check_failed" in {event for event, *_ in lasting}
    assert set(lasting.values()) == {1}, lasting


def databases(numbers: str) -> dict[str, float]:
    """`lantai_database_up` of each service."""
    found = re.findall(r'^lantai_database_up\{service="(\w+)"\} (\S+)$', numbers, re.MULTILINE)
    return {service: float(value) for service, value in found}
