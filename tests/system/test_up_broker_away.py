"""`lantai up` on a Kafka that dies or freezes: it says so, and ends in time all the same."""

import time
from collections.abc import Iterator

import pytest

from services.roster import NAMES
from shared.http.client import outside_client
from tests.kit.kafka import KafkaBroker
from tests.kit.lantai import UpProcess, directory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PROMISED_SECONDS = 10
PATIENCE = 45.0


@pytest.fixture
def up(kafka_broker: KafkaBroker) -> Iterator[UpProcess]:
    chosen = {"LANTAI_ENV": "development", "LANTAI_KAFKA_BOOTSTRAP_SERVERS": kafka_broker.bootstrap}
    with directory() as parent:
        started = UpProcess(parent / "var", chosen, "--no-sample-data")
        yield started
        started.end()


def buses(up: UpProcess) -> dict[str, str]:
    """What each service's readiness says of its log."""
    with outside_client(up.url, timeout_seconds=10) as http:
        services = http.get("/readyz").json()["services"]
    return {name: service["checks"]["bus"]["status"] for name, service in services.items()}


def until_buses(up: UpProcess, status: str) -> None:
    limit = time.monotonic() + PATIENCE
    while (said := buses(up)) != dict.fromkeys(NAMES, status):
        assert time.monotonic() < limit, said
        time.sleep(0.2)


@pytest.mark.parametrize("accident", ["kill", "pause"])
def test_it_says_so_and_ends_in_time(up: UpProcess, kafka_broker: KafkaBroker, accident: str) -> None:
    until_buses(up, "ok")
    if accident == "kill":
        kafka_broker.kill9()
    else:
        kafka_broker.pause()
    try:
        until_buses(up, "degraded")
        code, seconds = up.stop()
    finally:
        if accident == "kill":
            kafka_broker.restart()
        else:
            kafka_broker.resume()
    assert (code, seconds < PROMISED_SECONDS) == (0, True), (code, seconds, up.output[-2000:])
