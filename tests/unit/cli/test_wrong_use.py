"""A command that cannot do its work says why in one sentence; one that is used wrongly names what it would take."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

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
    notice.write_text('year = 2027\nholidays = ["2027-01-01"]\n')
    # The port that moves `lantai up` also moves whoever calls it.
    done = run(*command.format(notice).split(), environment={"LANTAI_PORT": str(nobody)})
    assert done.returncode == 1
    assert done.stderr.startswith(f"lantai: http://localhost:{nobody} does not answer")
    assert len(done.stderr.splitlines()) == 1


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
