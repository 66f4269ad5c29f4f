"""`lantai clock offset` shifts the clock of every service alike, to a day from which they can count."""

from collections.abc import Callable
from datetime import datetime, timedelta
from subprocess import CompletedProcess

import pytest

from services.roster import NAMES
from shared.calendar import SHANGHAI
from tests.kit.lantai import run
from tests.kit.postgres import ServiceDatabase

Command = Callable[..., CompletedProcess[str]]


@pytest.fixture
def command(service_database: Callable[[str], ServiceDatabase]) -> Command:
    urls = {f"LANTAI_{name.upper()}_DATABASE_URL": service_database(name).url for name in NAMES}
    environment = {"LANTAI_ENV": "test", "LANTAI_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1", **urls}
    return lambda *arguments: run("clock", "offset", *arguments, environment=environment)


def days(done: CompletedProcess[str]) -> dict[str, str]:
    """What each service's clock reads, to the day."""
    assert (done.returncode, done.stderr) == (0, "")
    return {name: reads[:10] for name, reads in (line.split(": ") for line in done.stdout.splitlines())}


def test_every_clock_goes_to_a_day_of_the_calendar_and_back(command: Command) -> None:
    for day in ("2007-12-29", "2040-12-31"):
        assert days(command("--to", day)) == dict.fromkeys(NAMES, day)
    before = datetime.now(SHANGHAI)
    real = days(command("--clear"))
    assert len(set(real.values())) == 1 and set(real) == set(NAMES)
    assert before - timedelta(days=1) < datetime.fromisoformat(f"{real['notify']}T23:59:59+08:00")


def test_a_day_that_the_calendar_does_not_know_moves_no_clock(command: Command) -> None:
    assert days(command("--to", "2030-05-05")) == dict.fromkeys(NAMES, "2030-05-05")
    never = ("1026-11-23", "2007-12-28 23:59", "2041-01-01", "9999-12-31")
    for wanted in (*(("--to", day) for day in never), ("--seconds", str(10**9)), ("--seconds", str(-(10**20)))):
        refused = command(*wanted)
        assert (refused.returncode, refused.stdout) == (1, ""), wanted
        assert refused.stderr == (
            "lantai: the calendar does not know that day: choose one from 2007-12-29 to 2040-12-31\n"
        )
    assert days(command()) == dict.fromkeys(NAMES, "2030-05-05")
