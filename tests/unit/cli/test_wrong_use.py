"""A command that cannot do its work says why in one sentence; one that is used wrongly names what it would take."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.all_in_one import DifferentBuses, require_one_bus
from shared.service.settings import ServiceSettings
from tests.kit.lantai import run


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port that nobody answers on: bound, and never listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


@pytest.mark.parametrize("command", ["token --agency 11610113YL0000002C", "story", "calendar import {} --agency x"])
def test_a_system_that_is_away_is_told_in_one_sentence(command: str, nobody: int, tmp_path: Path) -> None:
    notice = tmp_path / "2027.toml"
    notice.write_text('year = 2027\ntitle = "通知"\nnotice = "1号"\nholidays = ["2027-01-01"]\n')
    # The port that moves `lantai up` also moves whoever calls it.
    done = run(*command.format(notice).split(), environment={"LANTAI_PORT": str(nobody)})
    assert done.returncode == 1
    assert done.stderr.startswith(f"lantai: http://localhost:{nobody} does not answer")
    assert len(done.stderr.splitlines()) == 1


def test_an_import_names_what_the_file_must_cite(tmp_path: Path) -> None:
    file = tmp_path / "2027.toml"
    file.write_text('year = 2027\nholidays = ["2027-01-01"]\n')
    done = run("calendar", "import", str(file), "--agency", "x", environment={})
    assert done.returncode == 1 and done.stderr.endswith("title and notice must be given\n")


def test_a_notice_that_nobody_confirmed_is_not_imported(tmp_path: Path) -> None:
    """What is published shows no grade: its dates would be called certain."""
    file = tmp_path / "2027.toml"
    file.write_text('year = 2027\ntitle = "通知"\nnotice = "1号"\ngrade = "C"\nholidays = ["2027-01-01"]\n')
    done = run("calendar", "import", str(file), "--agency", "x", environment={})
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "graded C, unconfirmed" in done.stderr and done.stderr.endswith("then grade it B\n")


@pytest.mark.parametrize(
    "command", ["clock due remedy.sue {}", "calendar show 2015 --known-on {}"], ids=["due", "calendar"]
)
@pytest.mark.parametrize("day", ["20260331", "2026-W14-2", "2026-02-30"])
def test_a_day_is_written_as_the_help_says(command: str, day: str) -> None:
    done = run(*command.format(day).split(), environment={})
    assert (done.returncode, done.stderr) == (1, f"lantai: {day} is not a day (YYYY-MM-DD)\n")


@pytest.mark.parametrize("command", ["clock due remedy.sue 9999-12-31", "clock due report.dept 9999-12-31"])
def test_a_period_beyond_every_date_is_told_in_one_sentence(command: str) -> None:
    done = run(*command.split(), environment={})
    assert done.returncode == 1 and "ends after the last day" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("year", ["0", "10000"])
def test_a_year_that_is_none_is_used_wrongly(year: str) -> None:
    assert run("calendar", "show", year, environment={}).returncode == 2


def test_a_full_disk_is_told_in_one_sentence(tmp_path: Path) -> None:
    case = tmp_path / "c.jsonl"
    case.write_text('{"id": "c1", "received_on": "2026-09-18", "events": []}\n')
    for command in (f"clock explain {case}", "clock rules", "calendar show 2026"):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "services.cli.main", *command.split()],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
        assert (done.returncode, done.stderr) == (1, "lantai: cannot write: No space left on device\n")


def test_what_a_terminal_cannot_show_is_escaped() -> None:
    narrow = {"PYTHONIOENCODING": "latin-1"}
    shown = run("calendar", "show", "2026", environment=narrow)
    assert (shown.returncode, shown.stderr, "\\u56fd" in shown.stdout) == (0, "", True)
    rules = json.loads(run("clock", "rules", "--json", environment=narrow).stdout)
    assert any("条例" in row["citation"] for row in rules)


def test_a_provisional_day_says_how_far_the_notices_reach() -> None:
    said = run("clock", "due", "req.reply", "2026-12-10", environment={}).stdout
    assert "暂定" in said and "只到 2026 年" in said and "--calendar" in said


@pytest.mark.parametrize(
    ("command", "choices"),
    [("token --agency x --role king", "'clerk', 'reviewer'"), ("asyncapi nobody", "'catalog', 'requests'")],
)
def test_a_choice_that_is_none_names_the_choices(command: str, choices: str) -> None:
    done = run(*command.split(), environment={})
    assert done.returncode == 2 and choices in done.stderr and not done.stdout


def test_a_wrong_setting_is_told_without_the_words_of_the_library() -> None:
    done = run("migrate", environment={"LANTAI_POSTGRES_URL": "postgresql://nobody@localhost"})
    assert done.returncode == 1
    assert done.stderr.startswith("lantai: 生产环境须设置 LANTAI_SECRET_KEY")


def test_a_bus_named_for_one_service_alone_is_refused() -> None:
    shared = ServiceSettings(service="catalog")
    own = ServiceSettings(service="requests", bus_url=SecretStr("postgresql://u:secret@elsewhere/bus"))
    require_one_bus([shared, ServiceSettings(service="notify")])
    require_one_bus([own, own.model_copy(update={"service": "notify"})])
    for pair in ([shared, own], [own, shared]):
        with pytest.raises(DifferentBuses, match="set LANTAI_BUS_URL for all") as refusal:
            require_one_bus(pair)
        assert "requests" in str(refusal.value) and "secret" not in str(refusal.value)
    kafka = ServiceSettings.model_construct(service="notify", kafka_bootstrap_servers="kafka:9092", bus_url=None)
    with pytest.raises(DifferentBuses, match="catalog and notify"):
        require_one_bus([shared, kafka])
