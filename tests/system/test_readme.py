"""Every command in both READMEs is run as it is written there; only the address moves to a free port.

`docker compose` needs an engine (tests/architecture and the stories hold its file), `make test` and `make lint` are
what CI runs, and the apt line is compared with the one that CI uses.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.lantai import OWN, READY, directory

REPOSITORY = Path(__file__).parents[2]
READMES = ("README.md", "README.zh-CN.md")
BY_CI = {"make test", "make lint"}
STARTS = "make up"
START_SECONDS, COMMANDS_SECONDS = 150, 400
APT = (REPOSITORY / "deploy" / "apt-install.sh").read_text().strip()


def commands(readme: str) -> list[str]:
    """The commands of the fenced `sh` blocks, comments and continued lines resolved."""
    text = (REPOSITORY / readme).read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    lines = (re.sub(r"\s+#\s.*$", "", line).strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def system() -> Iterator[str]:
    """What `make up` brings up on a fresh var; its address."""
    with directory() as parent:
        log = parent / "log"
        environment = {**OWN, "LANTAI_PORT": "0", "LANTAI_VAR": str(parent / "var")}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*STARTS.split(), "-o", ".venv/.installed"],
                cwd=REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        try:
            limit = time.monotonic() + START_SECONDS
            while not (ready := READY.search(log.read_text())):
                assert process.poll() is None and time.monotonic() < limit, log.read_text()[-3000:]
                time.sleep(0.1)
            yield ready.group(1)
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(30)


@pytest.mark.slow
@pytest.mark.timeout(START_SECONDS + COMMANDS_SECONDS + 60)  # one of these limits speaks first, and says what it saw
@pytest.mark.parametrize("readme", READMES)
def test_the_commands_do_what_they_say(readme: str, system: str) -> None:
    found = commands(readme)
    assert STARTS in found and BY_CI & set(found)
    ci = (REPOSITORY / ".ci" / "run").read_text()
    script = ["set -euxo pipefail"]
    for command in found:
        if command in BY_CI:
            assert command in ci
        elif "apt-get" in command:
            assert command.removeprefix("sudo ") == APT
        elif command != STARTS and not command.startswith("docker compose"):
            script.append(command.replace("http://localhost:8000", system))
    environment = {**OWN, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LANTAI_BASE_URL": system}
    try:
        done = subprocess.run(
            ["bash", "-c", "\n".join(script)],
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            timeout=COMMANDS_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        pytest.fail(f"after {late.timeout} s: {late.stdout!r} {late.stderr!r}")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def test_both_readmes_give_the_same_commands() -> None:
    english, chinese = (commands(readme) for readme in READMES)
    assert english == chinese


def test_the_apt_line_is_the_one_that_ci_uses() -> None:
    for readme in READMES:
        assert APT in (REPOSITORY / readme).read_text()
    assert "deploy/apt-install.sh" in (REPOSITORY / ".ci" / "run").read_text()
