"""`shared/README.md` says what must be copied with a package; so it is, and the READMEs' examples run there."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import shared
from shared.bus.embedded_schema import migrate_bus
from shared.replicas import tables as replicas
from tests.kit.postgres import Builder

SHARED = Path(shared.__file__).parent
PACKAGES = ("events", "db", "timers", "bus")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under this heading row: the names in the first two columns."""
    lines = (SHARED / "README.md").read_text("utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(heading))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([" ".join(re.findall(r"`([^`]+)`", cell)) for cell in line.split("|")[1:3]])
    return found


ALONG = {copied: set(needs.split()) for copied, needs in rows("| copy |")}
LEFT = {name: set(needs.split()) for names, needs in rows("| left here |") for name in names.split()}
TABLES = {name for names, _ in rows("| table |") for name in names.split()}


def imported(file: Path) -> set[str]:
    """What a file takes from the house beside its own package, as the table names it."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name.split(".")[1] for name in names if name.startswith("shared.")}
        found |= {"services" for name in names if name.split(".")[0] == "services"}
    if "services." in file.read_text("utf-8"):
        found.add("services")
    found.discard(file.relative_to(SHARED).parts[0])
    return {"errors.py" if name == "errors" else name for name in found}


def files(package: str) -> list[Path]:
    return [file for file in (SHARED / package).rglob("*.py") if str(file.relative_to(SHARED)) not in LEFT]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_table_names_exactly_what_a_package_imports(package: str) -> None:
    needed = set().union(*(imported(file) for file in files(package)))
    assert needed == ALONG[package] - {"nothing"}


def test_the_table_names_exactly_why_a_file_stays() -> None:
    for name, needs in LEFT.items():
        package = name.split("/")[0]
        assert imported(SHARED / name) - ALONG[package] <= needs, name
        assert imported(SHARED / name) & needs, f"{name} could come along"


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that holds the four packages, what the table says, and nothing else of the house."""
    home = tmp_path_factory.mktemp("elsewhere")
    whole = set(PACKAGES).union(*(ALONG[package] for package in PACKAGES))
    (home / "shared").mkdir()
    for name in ("__init__.py", *sorted(whole)):
        source, target = SHARED / name, home / "shared" / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
        else:
            shutil.copy(source, target)
    for name in LEFT:
        (home / "shared" / name).unlink()
    return home


def run(program: str, elsewhere: Path, **environment: str) -> list[str]:
    """What a program prints, line by line, where there is only what was copied."""
    done = subprocess.run(
        [sys.executable, "-c", f"import shared\nassert shared.__file__.startswith({str(elsewhere)!r})\n{program}"],
        cwd=elsewhere,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


def test_the_spine_comes_without_the_tables_of_this_house(elsewhere: Path) -> None:
    """What belongs to agencies, calendars or cases is defined beside what reads it, and mechanism names none of it."""
    came = set(run("from shared.db.spine import spine\nprint(*spine.tables, sep='\\n')", elsewhere))
    assert came == TABLES
    ours = replicas.spine.tables.keys() - came
    assert ours == {"agency_replica", "calendar_replica", "calendar_releases"}
    text = {file: file.read_text("utf-8") for package in PACKAGES for file in files(package)}
    assert [(file.name, table) for file in text for table in ours if table in text[file]] == []


async def nothing(url: str) -> None:
    """An empty database."""


@pytest.mark.parametrize(
    ("package", "printed"),
    [
        ("db", "[('Wang', 'order.placed')]"),
        ("bus", "announced"),
        ("timers", "due at its own time, however late this runs: True"),
    ],
)
def test_the_example_of_a_readme_runs_elsewhere(
    package: str, printed: str, elsewhere: Path, fresh_database: Callable[[str, Builder], str]
) -> None:
    readme = (SHARED / package / "README.md").read_text("utf-8")
    (example,) = re.findall(r"^```python\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    lines = run(
        example, elsewhere, DATABASE_URL=fresh_database("empty", nothing), BUS_URL=fresh_database("bus", migrate_bus)
    )
    assert lines[-1] == printed
