"""What the image installs is whole: every page, rule row, migration and sample that the repository has."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.architecture.source import REPOSITORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel, unpacked. Built from a copy of the tracked files, so that nothing is left in the checkout."""
    root = tmp_path_factory.mktemp("wheel")
    for name in tracked("services", "shared", "pyproject.toml", "README.md", "LICENSE", "requirements"):
        target = root / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((REPOSITORY / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(root), "./source"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    (wheel,) = root.glob("lantai-*.whl")
    with zipfile.ZipFile(wheel) as content:
        content.extractall(root / "installed")
    return root / "installed"


def tracked(*paths: str) -> list[str]:
    """The repository's files below these paths, deleted ones left out."""
    listed = subprocess.run(["git", "ls-files", *paths], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.splitlines() if (REPOSITORY / name).exists()]


def test_nothing_is_left_behind(installed: Path) -> None:
    missing = [name for name in tracked("services", "shared") if not (installed / name).exists()]
    told = [name for name in missing if not name.endswith("README.md") and name != "shared/events/pyproject.toml"]
    assert told == []


def test_it_runs_without_the_repository(installed: Path, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(installed)}
    program = "import services, sys; from services.cli.main import main; print(services.__path__[0]); main()"
    for arguments in (["openapi", "requests"], ["clock", "rules"], ["calendar", "show", "2026"]):
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        assert done.stdout.startswith(str(installed)), "it ran from the repository"
