"""A service's README names every route that its document has."""

import re
from pathlib import Path

import pytest

import services
from services.roster import NAMES, load
from shared.auth import DevelopmentIssuer
from shared.service.settings import Environment
from tests.kit.apps import ISSUER, make_deps

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"  # the document is built, nothing is asked
FOLDER = Path(services.__file__).parent


def unnamed(paths: list[str], readme: str) -> list[str]:
    """The addresses of which some fixed part stands nowhere in the text."""
    found = []
    for path in paths:
        fixed = [part for part in path.split("/")[4:] if not part.startswith("{")]
        if not all(re.search(rf"[/`]{re.escape(part)}\b", readme) for part in fixed):
            found.append(path)
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_every_route_is_named(name: str) -> None:
    definition = load(name)
    settings = definition.settings(service=name, env=Environment.TEST)
    deps = make_deps(settings, NOWHERE, DevelopmentIssuer(env="test", url=ISSUER))
    paths = list(definition.create_app(deps).openapi()["paths"])
    await deps.db.dispose()
    assert paths
    assert unnamed(paths, (FOLDER / name / "README.md").read_text()) == []


def test_a_route_left_out_is_found() -> None:
    assert unnamed(["/api/x/v1/cases/{id}/closing"], "| `GET /cases` |") == ["/api/x/v1/cases/{id}/closing"]
