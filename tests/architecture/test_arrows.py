"""import-linter holds the arrows between packages; each contract fails on a copy with one planted import."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY

LINTER = Path(sys.executable).with_name("lint-imports")
PLANTED = [
    ("No service imports another", "services/notify/settings.py", "import services.requests.settings"),
    ("Shared mechanism knows no service", "shared/errors.py", "import services.catalog.settings"),
    ("Shared mechanism knows no service", "services/sentiment/app.py", "import services.cli.failure"),
    ("Inside shared, arrows go down", "shared/db/ids.py", "import shared.http.problems"),
    ("Inside shared, arrows go down", "shared/timers/rows.py", "import shared.bus.transport"),
    ("Events import pydantic", "shared/events/base.py", "import sqlalchemy"),
    ("httpx in one module only", "services/notify/settings.py", "import httpx"),
    ("aiokafka in the transport's modules only", "shared/bus/relay.py", "import aiokafka"),
]


def broken(root: Path) -> list[str]:
    """The contracts that import-linter finds broken in a tree."""
    done = subprocess.run(
        [str(LINTER), "--config", str(REPOSITORY / ".importlinter"), "--no-cache"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "200"},
    )
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return [line for line in done.stdout.splitlines() if " BROKEN" in line]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house's Python files, to be broken."""
    root = tmp_path_factory.mktemp("house")
    for package in ("services", "shared"):
        shutil.copytree(REPOSITORY / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "build"))
    return root


def test_the_house_keeps_every_contract(copied: Path) -> None:
    assert broken(copied) == []


@pytest.mark.parametrize(("contract", "path", "line"), PLANTED)
def test_a_planted_import_breaks_its_contract(copied: Path, contract: str, path: str, line: str) -> None:
    whole = (copied / path).read_text()
    (copied / path).write_text(f"{whole}\n{line}\n")
    try:
        found = broken(copied)
    finally:
        (copied / path).write_text(whole)
    assert any(line.startswith(contract) for line in found), found
