"""A command that cannot do its work says why in one sentence; one that is used wrongly names what it would take."""

import socket
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
