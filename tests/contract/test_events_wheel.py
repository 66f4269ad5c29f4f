"""`lantai-events` alone: the wheel is built, installed without the house, and reads a golden example."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

EVENTS = Path(__file__).parents[2] / "shared" / "events"
READER = """
import json, sys
import lantai_events
from lantai_events import EVENTS, decode
from lantai_events.schema import committed_examples, committed_schemas
assert "shared" not in sys.modules and "sqlalchemy" not in sys.modules
examples = committed_examples()
assert examples.keys() == EVENTS.keys() == committed_schemas().keys()
for kind, example in examples.items():
    assert decode(example["headers"], json.dumps(example["body"]).encode(), EVENTS).type == kind
registered = examples["lantai.requests.application.registered.v1"]
print(decode(registered["headers"], json.dumps(registered["body"]).encode(), EVENTS).data.state)
"""


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    shutil.copytree(EVENTS, source, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), str(source)],
        check=True,
        capture_output=True,
    )
    (built,) = tmp_path.glob("lantai_events-*.whl")
    return built


def test_it_reads_our_events_without_the_house(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "alone"
    venv.create(home, with_pip=False)
    site = next((home / "lib").glob("python*")) / "site-packages"
    pip = [sys.executable, "-m", "pip", "--quiet", "install", "--no-index", "--no-deps", "--target", str(site)]
    subprocess.run([*pip, str(wheel)], check=True)
    # Its one dependency comes from this environment: a test reaches no package index.
    for dependency in ("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"):
        _lend(dependency, site)
    done = subprocess.run(
        [str(home / "bin" / "python"), "-I", "-c", READER], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "awaiting_confirmation"


def _lend(name: str, site: Path) -> None:
    ours = Path(__import__(name).__file__ or "")
    ours = ours.parent if ours.name == "__init__.py" else ours
    (site / ours.name).symlink_to(ours)
