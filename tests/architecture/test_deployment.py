"""docker-compose.yml, the gateway, Prometheus and Grafana say the same as the code they start."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from services.cli.command import Service
from services.cli.main import COMMANDS, module_of
from services.roster import NAMES, load
from shared.db.embedded_cluster import VERSION as POSTGRES_VERSION
from shared.service.settings import ServiceSettings
from tests.architecture import deployment
from tests.architecture.deployment import REPOSITORY
from tests.kit.apt import need


def valid(path: Path) -> bool:
    """Ask the compose specification that check-jsonschema carries."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_file_is_valid_compose_and_a_planted_mistake_is_found(tmp_path: Path) -> None:
    committed = REPOSITORY / "docker-compose.yml"
    planted = tmp_path / "docker-compose.yml"
    planted.write_text(committed.read_text().replace("healthcheck:", "healthchecks:", 1))
    assert valid(committed)
    assert not valid(planted)


def test_every_service_runs_as_api_and_as_worker() -> None:
    assert tuple(Service) == NAMES
    ours = deployment.ours()
    for name in NAMES:
        assert ours[f"{name}-api"]["command"][:2] == ["serve", name]
        assert ours[f"{name}-worker"]["command"][:2] == ["worker", name]


@pytest.mark.parametrize("name", deployment.ours())
def test_each_command_is_one_that_lantai_has(name: str) -> None:
    command, *arguments = deployment.ours()[name]["command"]
    assert command in COMMANDS
    module = __import__(module_of(command), fromlist=["app"])
    typer.main.get_command(module.app).make_context(command, list(arguments))


@pytest.mark.parametrize("name", deployment.ours())
def test_each_setting_is_one_that_the_code_reads(name: str) -> None:
    known = {f"LANTAI_{field.upper()}" for field in ServiceSettings.model_fields}
    for service in NAMES:
        known |= {f"LANTAI_{service.upper()}_{field.upper()}" for field in load(service).settings.model_fields}
    assert set(deployment.ours()[name]["environment"]) <= known


@pytest.mark.parametrize("name", deployment.ours())
def test_each_health_check_asks_the_port_that_is_served(name: str) -> None:
    service = deployment.ours()[name]
    if service["command"][0] in ("migrate", "seed"):
        assert "healthcheck" not in service
        return
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", " ".join(service["healthcheck"]["test"]))
    assert asked
    assert asked.group(1) == deployment.option(service, "--port")
    assert asked.group(2) == {"issuer": "/jwks", "mailbox": "/mailbox"}.get(name, "/healthz")
    assert deployment.option(service, "--host") == "0.0.0.0"


def test_images_are_the_versions_that_the_tests_ran_with() -> None:
    services = deployment.services()
    kafka = re.search(
        r"kafka_2\.13</artifactId>\s*<version>([\d.]+)<", (REPOSITORY / "deploy/kafka/pom.xml").read_text()
    )
    assert kafka and services["kafka"]["image"] == f"apache/kafka:{kafka.group(1)}"
    assert services["postgres"]["image"] == f"postgres:{POSTGRES_VERSION}"
    assert {service["image"] for service in deployment.ours().values()} == {f"lantai:{deployment.project()['version']}"}
    assert (REPOSITORY / "deploy/Dockerfile").read_text().splitlines()[1] == "FROM python:3.11-slim-bookworm"
    assert deployment.project()["requires-python"] == ">=3.11"
    for service in services.values():
        assert not service["image"].endswith(":latest") and ":" in service["image"]


def test_only_the_gateway_is_open_to_the_world() -> None:
    published = {name: service["ports"] for name, service in deployment.services().items() if "ports" in service}
    assert published == {
        "gateway": ["${LANTAI_PORT:-8000}:8000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


def test_the_gateway_finds_everyone_where_they_listen() -> None:
    services = deployment.services()
    given: dict[str, str] = services["gateway"]["environment"]
    asked = set(re.findall(r"\$\{(\w+)\}", deployment.gateway_template()))
    assert asked - set(given) == {"NGINX_LOCAL_RESOLVERS"}, "the image's entry point brings that one"
    addresses = {value for name, value in given.items() if re.fullmatch(r"[a-z-]+:\d+", str(value))}
    assert len(addresses) == len(NAMES) + 3
    for address in addresses:
        host, port = address.split(":")
        assert deployment.option(services[host], "--port") == port
    internal = services["catalog-api"]["environment"]["LANTAI_INTERNAL_URL"]
    assert internal == f"http://gateway:{given['INTERNAL_PORT']}"


def test_the_log_is_where_the_services_look_for_it() -> None:
    properties = (REPOSITORY / "deploy/kafka/server.properties").read_text()
    servers = deployment.ours()["catalog-api"]["environment"]["LANTAI_KAFKA_BOOTSTRAP_SERVERS"]
    assert f"advertised.listeners=CLIENTS://{servers}" in properties.splitlines()


def test_what_is_mounted_is_in_the_repository() -> None:
    for service in deployment.services().values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (REPOSITORY / source).exists(), source
            assert source.startswith("./") or source in deployment.compose()["volumes"], source


def test_the_operator_is_told_every_secret_to_fill_in() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    offered = {line.split("=")[0]: line.split("=", 1)[1] for line in lines if re.match(r"[A-Z_]+=", line)}
    assert deployment.wanted_of_the_operator() <= set(offered)
    for name in ("LANTAI_SECRET_KEY", "LANTAI_DATA_KEYS", "POSTGRES_PASSWORD", "GRAFANA_PASSWORD"):
        assert offered[name] == "", "no secret has a default"


def test_development_parts_are_in_the_demo_profile_only() -> None:
    demo = {name for name, service in deployment.services().items() if service.get("profiles") == ["demo"]}
    assert demo == {"issuer", "mailbox", "seed"}


def test_prometheus_scrapes_every_process() -> None:
    need("promtool")
    folder = REPOSITORY / "deploy" / "prometheus"
    checked = subprocess.run(
        ["promtool", "check", "config", folder / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
    jobs: list[dict[str, Any]] = yaml.safe_load((folder / "prometheus.yml").read_text())["scrape_configs"]
    targets = {target for job in jobs for static in job["static_configs"] for target in static["targets"]}
    ours = deployment.ours()
    expected = {
        f"{name}:{deployment.option(service, '--port')}"
        for name, service in ours.items()
        if service["command"][0] in ("serve", "worker") and name != "start-page"
    }
    assert targets == expected


def test_grafana_shows_one_dashboard_on_the_provisioned_source() -> None:
    folder = REPOSITORY / "deploy" / "grafana"
    source = yaml.safe_load((folder / "provisioning/datasources/prometheus.yml").read_text())["datasources"][0]
    assert source["url"] == "http://prometheus:9090"
    (board,) = (folder / "dashboards").glob("*.json")
    panels = json.loads(board.read_text())["panels"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    provider = yaml.safe_load((folder / "provisioning/dashboards/lantai.yml").read_text())["providers"][0]
    mounts = deployment.services()["grafana"]["volumes"]
    assert any(volume == f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" for volume in mounts)
