"""The deployment's files as data, with what is said twice resolved once."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]


def compose() -> dict[str, Any]:
    """docker-compose.yml, anchors and merges applied."""
    loaded: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose()["services"]
    return found


def ours() -> dict[str, dict[str, Any]]:
    """Those that run our own image."""
    return {name: service for name, service in services().items() if service["image"].startswith("lantai:")}


def option(service: dict[str, Any], name: str) -> str | None:
    """The value of an option in the service's command."""
    command: list[str] = service["command"]
    return command[command.index(name) + 1] if name in command else None


def wanted_of_the_operator() -> set[str]:
    """Variables without which compose does not start."""
    return set(re.findall(r"\$\{(\w+):\?", (REPOSITORY / "docker-compose.yml").read_text()))


def gateway_template() -> str:
    return (REPOSITORY / "deploy" / "nginx" / "default.conf.template").read_text()


def project() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]


def metric_names(text: str) -> set[str]:
    """Our metrics that an expression or a dashboard names."""
    return set(re.findall(r"\blantai_[a-z_]+", text))
