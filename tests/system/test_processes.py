"""Every service as API and worker in processes of their own, as docker-compose.yml starts them, behind a real nginx."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from services.cli.portal import Portal
from services.cli.samples.people import Office, open_office
from shared.http.client import outside_client
from tests.architecture.deployment import REPOSITORY, metric_names
from tests.kit.deployment import Deployment
from tests.kit.kafka import KafkaBroker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
SERVICES = ("catalog", "requests", "sentiment", "notify")
PROMISED_SECONDS = 10
PATIENCE = 60.0
TITLE = "老旧小区夜间停水"


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
    """What is done meanwhile is done, and known elsewhere when the broker is back."""
    deployment.seed()
    office = open_office(Portal(deployment.url))
    kafka_broker.kill9()
    try:
        worker = deployment.until_readiness("notify-worker", "degraded")
        assert worker["checks"]["bus"]["status"] == "degraded" and worker["checks"]["bus"]["reason"]
        assert deployment.until_readiness("requests-api", "ok")["checks"]["outbox"]["status"] == "ok"
        incident = registered(deployment, office)
        assert noticed(office, incident) == []
        for name in ("sentiment-worker", "sentiment-api"):  # the first has an event at hand that nobody takes
            code, seconds = deployment.children[name].stop()
            assert (code, seconds < PROMISED_SECONDS) == (0, True), (name, seconds)
        deployment.start_again("sentiment-worker")
        deployment.until_readiness("sentiment-worker", "degraded")
        assert noticed(office, incident) == []
    finally:
        kafka_broker.restart()
    limit = time.monotonic() + PATIENCE
    while not (told := noticed(office, incident)):
        assert time.monotonic() < limit
        time.sleep(0.5)
    assert {each["subject"] for each in told} == {f"新登记舆情：{TITLE}"}
    deployment.until_readiness("notify-worker", "ok")


def registered(deployment: Deployment, office: Office) -> str:
    """Register an incident by one POST, which is answered as ever; its id."""
    now = datetime.now(UTC).isoformat()
    token = Portal(deployment.url).token("sample.clerk", "周燕", ("clerk", office.agency_id))
    with outside_client(deployment.url) as http:
        answer = http.post(
            "/api/sentiment/v1/incidents",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())},
            json={
                "agency_id": office.agency_id,
                "title": TITLE,
                "summary": "网民询问停水原因和恢复时间。",
                "source": "网络舆情监测",
                "level": "general",
                "occurred_at": now,
                "detected_at": now,
            },
        )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def noticed(office: Office, incident: str) -> list[dict[str, Any]]:
    """The notices about an incident, which only its event brings about."""
    found: list[dict[str, Any]] = office.clerk.get("/api/notify/v1/deliveries", about=incident).body["items"]
    return found


def test_all_end_in_time(deployment: Deployment) -> None:
    ended = deployment.stop()
    assert {name: code for name, (code, _) in ended.items() if code != 0} == {}
    assert {name: round(seconds) for name, (_, seconds) in ended.items() if seconds > PROMISED_SECONDS} == {}
