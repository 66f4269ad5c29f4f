"""A real Apache Kafka broker for tests, started with the configuration that is deployed.

The jars come from Maven Central once, into `.cache/kafka` of the checkout. A broker runs in its own process
session on free loopback ports, keeps both ports and data through `restart`, and dies with the test process.
In an asynchronous test call what waits through `asyncio.to_thread`, so that the code under test goes on.
"""

import base64
import fcntl
import hashlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.apt import need
from tests.kit.background import Background
from tests.kit.kafka_probe import answers
from tests.kit.ports import free_port

REPOSITORY = Path(__file__).parents[2]
SOURCE = REPOSITORY / "deploy" / "kafka"
CACHE = REPOSITORY / ".cache" / "kafka"
START_SECONDS = 60.0
JAVA = ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]


class KafkaDidNotStart(RuntimeError):
    """The broker ended or stayed silent; the message tells its last faults."""


class KafkaBroker:
    """One broker with its data below `directory` (made when missing).

    It is its own controller, or the second one of the cluster of another broker, `first`, that has started before.
    `settings` may be added to before it starts, and `passwords` of people who sign in by SCRAM-SHA-512.
    """

    def __init__(self, directory: Path, first: "KafkaBroker | None" = None) -> None:
        self.directory = directory
        self._first = first
        self.port, self.controller_port = free_port(), first.controller_port if first else free_port()
        number = hashlib.sha256(str(directory).encode()).digest()
        self.cluster = first.cluster if first else base64.urlsafe_b64encode(b"\0" + number[:15]).decode().rstrip("=")
        self.settings: dict[str, str] = {}
        self.passwords: dict[str, str] = {}
        self._jars = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._starter: Background | None = None

    @property
    def bootstrap(self) -> str:
        """The bootstrap servers, the same through every restart."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker is not started"
        return self._process.pid

    def start(self) -> None:
        """Start and wait until the broker answers a metadata request; format its directory the first time."""
        need("java", "mvn")
        self._jars = str(jars()) + "/*"
        if not self._configuration.exists():
            self._format()
        # The parent-death signal follows the starting thread, so that thread lives as long as the broker.
        self._starter = self._starter or Background()
        self._process = self._starter.run(self._spawn())
        limit = time.monotonic() + START_SECONDS
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > limit:
                self.stop()
                raise KafkaDidNotStart(self._complaints())
            time.sleep(0.1)

    def answers(self, seconds: float = 2.0) -> bool:
        """Whether this very broker, and no stranger on its port, answers a metadata request."""
        return answers(self.port, self.cluster, seconds)

    def stop(self) -> None:
        """End the broker in order, by force after 15 s; harmless when it is not running."""
        if self._process is not None:
            self._signal(signal.SIGCONT)
            self._signal(signal.SIGTERM)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(15)
        if self._starter is not None:
            self._starter.close()
        self._process = self._starter = None

    def kill9(self) -> None:
        """Kill the broker at once, as a power cut would."""
        self._signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait(15)

    def restart(self) -> None:
        """Start a broker that was killed, or stop and start a running one: same ports, same data."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the broker: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    @property
    def _configuration(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log(self) -> Path:
        return self.directory / "broker.log"

    def _format(self) -> None:
        """Write the deployed configuration with this broker's own ports and directory, and format that directory."""
        self.directory.mkdir(parents=True, exist_ok=True)
        controller = f"127.0.0.1:{self.controller_port}"
        own = {
            "listeners": f"CLIENTS://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"CLIENTS://{self.bootstrap}",
            "controller.quorum.bootstrap.servers": controller,
            "log.dirs": str(self.directory / "data"),
        }
        if self._first:
            own |= {"node.id": "2", "process.roles": "broker", "listeners": f"CLIENTS://{self.bootstrap}"}
        own |= self.settings
        deployed = (SOURCE / "server.properties").read_text()
        kept = [line for line in deployed.splitlines() if line.split("=")[0] not in own]
        draft = self._configuration.with_suffix(".draft")
        draft.write_text("\n".join(kept + [f"{name}={value}" for name, value in own.items()]) + "\n")
        tool = [*JAVA, "-cp", self._jars, "kafka.tools.StorageTool", "format"]
        tool += [] if self._first else ["--standalone"]
        for name, password in self.passwords.items():
            tool += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]"]
        done = subprocess.run(
            [*tool, "-t", self.cluster, "-c", str(draft)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise KafkaDidNotStart(done.stdout[-1000:] + done.stderr[-1000:])
        draft.rename(self._configuration)

    def _complaints(self) -> str:
        """The last lines of the log that tell of a fault."""
        lines = self._log.read_text(errors="replace").splitlines()
        told = [line for line in lines if " ERROR " in line or " FATAL " in line or line.startswith("Caused by")]
        return "\n".join(told[-8:] or lines[-8:])

    async def _spawn(self) -> "subprocess.Popen[bytes]":
        logging = f"-Dlog4j2.configurationFile={SOURCE / 'log4j2.xml'}"
        return _spawn([*JAVA, logging, "-cp", self._jars, "kafka.Kafka", str(self._configuration)], self._log)


def _spawn(command: list[str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as output:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def jars() -> Path:
    """The directory with the broker's jars, fetched by Maven once for each state of pom.xml."""
    pom = SOURCE / "pom.xml"
    found = CACHE / hashlib.sha256(pom.read_bytes()).hexdigest()[:16]
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found.exists():
            return found
        draft = Path(tempfile.mkdtemp(dir=CACHE))
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={draft}"]
        done = subprocess.run(["mvn", "-q", "-B", "-f", str(pom), *goal], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(draft)
            raise KafkaDidNotStart(f"Maven could not fetch the broker: {done.stdout[-1500:]}")
        draft.rename(found)
    return found


def _running() -> Iterator[KafkaBroker]:
    directory = Path(tempfile.mkdtemp(prefix="lantai-test-kafka-"))
    broker = KafkaBroker(directory)
    broker.start()
    yield broker
    broker.stop()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of a broker that the whole session shares: take topic names of your own, never stop it."""
    for broker in _running():
        yield broker.bootstrap


@pytest.fixture(scope="module")
def kafka_broker() -> Iterator[KafkaBroker]:
    """A broker of the module's own, to be killed, paused and restarted; leave it running."""
    yield from _running()
