"""A setting that is wrong, or that nothing reads, is told in one sentence that names the variable."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from services.cli.main import COMMANDS, app
from services.cli.mistyped import OF_COMMANDS, PREFIX, warn_of_mistyped
from services.roster import NAMES, load
from tests.kit.lantai import run

NOWHERE = {"LANTAI_ENV": "test", "LANTAI_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1"}
PROCESSES = ("up --port 0", "serve notify --port 0", "worker notify --port 0", "migrate")


@pytest.mark.parametrize("command", PROCESSES)
@pytest.mark.parametrize(
    "wrong",
    [
        {"LANTAI_DATA_KEYS": "abc"},
        {"LANTAI_POSTGRES_URL": "foo"},
        {"LANTAI_KAFKA_BOOTSTRAP_SERVERS": "http://foo:bar"},
        {"LANTAI_POOL_SIZE": "0"},
        {"LANTAI_NOTIFY_POOL_SIZE": "many"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_a_wrong_setting_is_told_by_its_name(command: str, wrong: dict[str, str], tmp_path: Path) -> None:
    told = run(*command.split(), environment=NOWHERE | {"LANTAI_VAR": str(tmp_path / "var")} | wrong)
    assert told.returncode == 1 and len(told.stderr.splitlines()) == 1
    assert told.stderr.startswith(f"lantai: {next(iter(wrong))}: ")
    assert not (tmp_path / "var" / "postgres").exists(), "it is told before anything starts"


def test_a_list_that_is_none_is_told_by_its_name() -> None:
    told = run("migrate", "requests", environment=NOWHERE | {"LANTAI_REQUESTS_REMINDER_DAYS": "5,3,1"})
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "lantai: LANTAI_REQUESTS_REMINDER_DAYS: cannot be read: a list is written [1, 2]\n"


@pytest.mark.parametrize("name", ["LANTAI_REQUESTS_RECEIPT_NUMBER_FORMAT", "LANTAI_CATALOG_INDEX_NUMBER_PATTERN"])
@pytest.mark.parametrize("form", ["{number}", "{0}", "{serial.year}", "{"])
def test_a_form_that_cannot_be_filled_is_told_by_its_name(name: str, form: str) -> None:
    told = run("migrate", environment=NOWHERE | {name: form})
    assert told.returncode == 1 and told.stderr.startswith(f"lantai: {name}: ")
    assert len(told.stderr.splitlines()) == 1


def test_an_environment_that_is_none_is_told_by_its_name(tmp_path: Path) -> None:
    for command in ("up --port 0", "mailbox --port 0 --smtp-port 0"):
        told = run(*command.split(), environment={"LANTAI_VAR": str(tmp_path), "LANTAI_ENV": "live"})
        assert told.returncode == 1 and told.stderr.startswith("lantai: LANTAI_ENV: ")
        assert len(told.stderr.splitlines()) == 1 and "production" in told.stderr


@pytest.mark.parametrize("command", PROCESSES)
def test_a_name_that_nothing_reads_is_told_and_not_refused(command: str, tmp_path: Path) -> None:
    """It comes first: what fails may fail for it."""
    mistyped = {"LANTAI_KAFKA_BOOTSTRAP_SERVER": "kafka:9092", "LANTAI_NOSUCH": "1", "LANTAI_VAR": str(tmp_path)}
    told = run(*command.split(), environment=NOWHERE | mistyped | {"LANTAI_POOL_SIZE": "0"})
    first, second = told.stderr.splitlines()
    assert first == (
        "lantai: nothing reads LANTAI_KAFKA_BOOTSTRAP_SERVER (LANTAI_KAFKA_BOOTSTRAP_SERVERS?), LANTAI_NOSUCH: "
        "see that the name is right"
    )
    assert second.startswith("lantai: LANTAI_POOL_SIZE: ")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    return monkeypatch


@pytest.mark.parametrize("here", [(), ("notify",), NAMES], ids=["start page", "one service", "all"])
def test_what_something_reads_is_not_told(
    bare: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], here: tuple[str, ...]
) -> None:
    for name in ("LANTAI_VAR", "LANTAI_SITE_NAME", "LANTAI_CATALOG_SITE_NAME", "lantai_pool_size"):
        bare.setenv(name, "x")
    warn_of_mistyped(*here)
    assert capsys.readouterr().err == ""


def test_a_service_tells_what_bears_its_own_name(bare: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    bare.setenv("LANTAI_NOTIFY_SITE_NAME", "x")
    warn_of_mistyped("catalog")
    assert capsys.readouterr().err == ""
    warn_of_mistyped("notify")
    assert "nothing reads LANTAI_NOTIFY_SITE_NAME" in capsys.readouterr().err


def variables(command: Any) -> Iterator[str]:
    yield from (option.envvar for option in command.params if getattr(option, "envvar", None))
    for below in getattr(command, "commands", {}).values():
        yield from variables(below)


def test_every_option_that_has_a_variable_is_known() -> None:
    group: Any = get_command(app)
    options = {name for command in COMMANDS for name in variables(group.get_command(None, command))}
    settings = {f"{PREFIX}{field.upper()}" for name in NAMES for field in load(name).settings.model_fields}
    assert options - settings == {f"{PREFIX}{name}" for name in OF_COMMANDS}
