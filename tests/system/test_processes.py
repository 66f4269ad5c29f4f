"""Every service as API and worker in processes of their own, as docker-compose.yml starts them, behind a real nginx."""

import pytest

from shared.http.client import outside_client
from tests.architecture.deployment import REPOSITORY, metric_names
from tests.kit.deployment import Deployment
from tests.kit.kafka import KafkaBroker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SERVICES = ("catalog", "requests", "sentiment", "notify")
PROMISED_SECONDS = 10


def test_one_origin_serves_what_is_public_and_nothing_else(deployment: Deployment) -> None:
    with outside_client(deployment.url) as http:
        assert "兰台" in http.get("/").text
        assert http.get("/status").status_code == 200
        for service in SERVICES:
            assert http.get(f"/api/{service}/openapi.json").json()["openapi"].startswith("3.1")
            docs = http.get(f"/api/{service}/docs")
            assert docs.status_code == 200 and "https://" not in docs.text
            assert http.get(f"/api/{service}/v1/nothing").headers["content-type"] == "application/problem+json"
        assert http.get("/issuer/jwks").json()["keys"]
        assert http.get("/mailbox").status_code == 200
        for hidden in ("/metrics", "/readyz", "/api/requests/internal/v1/contacts/1", "/api/requests/v1/internal/x"):
            assert http.get(hidden).status_code == 404, hidden
        assert http.get("/api/nobody/v1/things").status_code == 404


def test_every_process_is_ready_and_counts_what_the_dashboards_show(deployment: Deployment) -> None:
    told = ""
    for name in deployment.children:
        kind = name.rsplit("-", 1)[-1]
        if kind not in ("api", "worker"):
            continue
        with outside_client(deployment.address(name)) as http:
            ready = http.get("/readyz")
            ill = {check for check, told in ready.json()["checks"].items() if told["status"] != "ok"}
            # Nobody has registered an agency yet.
            assert (ready.status_code, ill) == (200, {"agencies"} if kind == "api" else set()), (name, ready.text)
            http.get(f"/api/{name.rsplit('-', 1)[0]}/openapi.json")
            told += http.get("/metrics").text
    folder = REPOSITORY / "deploy"
    asked = metric_names((folder / "prometheus/alerts.yml").read_text())
    asked |= metric_names((folder / "grafana/dashboards/lantai.json").read_text())
    assert asked and asked <= metric_names(told)


def test_a_broker_that_is_away_is_told_and_stops_nobody(deployment: Deployment, kafka_broker: KafkaBroker) -> None:
    kafka_broker.kill9()
    try:
        worker = deployment.until_readiness("notify-worker", "degraded")
        assert worker["checks"]["bus"]["status"] == "degraded" and worker["checks"]["bus"]["reason"]
        assert deployment.until_readiness("requests-api", "degraded")["checks"]["outbox"]["status"] == "ok"
        code, seconds = deployment.children["sentiment-worker"].stop()
        assert (code, seconds < PROMISED_SECONDS) == (0, True), seconds
    finally:
        kafka_broker.restart()
    deployment.until_readiness("notify-worker", "ok")


def test_all_end_in_time(deployment: Deployment) -> None:
    ended = deployment.stop()
    assert {name: code for name, (code, _) in ended.items() if code != 0} == {}
    assert {name: round(seconds) for name, (_, seconds) in ended.items() if seconds > PROMISED_SECONDS} == {}
