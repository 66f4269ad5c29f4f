"""`lantai` as a person starts it: the console script as a child process, its output in a file.

The children die with the test process, and are asked to stop as an operator would ask them.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("lantai"))
READY = re.compile(r"^Lantai is ready: (http://\S+)$", re.MULTILINE)
# What the machine's own environment may not decide for a test.
OWN = {name: value for name, value in os.environ.items() if not name.startswith("LANTAI_")}


class DidNotStart(RuntimeError):
    """The process ended before it was ready; the message is what it said."""


class Child:
    """One `lantai` command that runs until it is stopped."""

    def __init__(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._start = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", COMMAND, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**OWN, **environment},
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self.log.read_bytes()[self._start :].decode(errors="replace")

    def stop(self, number: signal.Signals = signal.SIGTERM, within_seconds: float = 30) -> tuple[int, float]:
        """Signal it; return its exit code and how long it took."""
        started = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(within_seconds)
        return code, time.monotonic() - started

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.kill9()


class UpProcess(Child):
    """`lantai up` on a free port, ready when the constructor returns."""

    def __init__(
        self, var: Path, environment: Mapping[str, str] | None = None, *options: str, seconds: float = 150
    ) -> None:
        log = var.parent / f"{var.name}.log"
        chosen = {"LANTAI_VAR": str(var), "LANTAI_PORT": "0", **(environment or {})}
        super().__init__(["up", *options], chosen, log)
        limit = time.monotonic() + seconds
        while not (ready := READY.search(self.output)):
            if self.process.poll() is not None or time.monotonic() > limit:
                self.end()
                raise DidNotStart(self.output[-3000:])
            time.sleep(0.05)
        self.url = ready.group(1)


@contextmanager
def directory() -> Iterator[Path]:
    """A short-lived directory of this test's own."""
    path = Path(tempfile.mkdtemp(prefix="lantai-system-"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def run(
    *arguments: str, environment: Mapping[str, str] | None = None, seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    """Run one command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**OWN, **(environment or {})},
        timeout=seconds,
        check=False,
    )
