"""docker-compose.yml without containers: every service of ours as its own process, with the commands and the
environment of that file, on loopback ports, behind a real nginx."""

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from shared.db.embedded import EmbeddedPostgres
from shared.http.client import outside_client
from tests.kit.background import Background
from tests.kit.gateway import Gateway
from tests.kit.kafka import KafkaBroker
from tests.kit.lantai import Child, directory, run
from tests.kit.ports import free_port

COMPOSE = Path(__file__).parents[2] / "docker-compose.yml"
DOTENV = {
    "LANTAI_ENV": "development",
    "LANTAI_SECRET_KEY": "only-for-this-test-and-long-enough-to-be-one",
    "LANTAI_DATA_KEYS": "k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "POSTGRES_PASSWORD": "unused",
    "GRAFANA_PASSWORD": "unused",
}
START_SECONDS = 60.0


class Deployment:
    """All processes of the demo profile. `postgres` is a server's administrator URL, `kafka` its bootstrap servers."""

    def __init__(self, directory: Path, postgres: str, kafka: str) -> None:
        self._directory = directory
        self._services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
        self._ours = {n: s for n, s in self._services.items() if s["image"].startswith("lantai:")}
        self._ports: dict[str, str] = {"kafka:9092": kafka}
        for name, service in self._ours.items():
            for option in ("--port", "--smtp-port"):
                if option in service["command"]:
                    inside = service["command"][service["command"].index(option) + 1]
                    self._ports[f"{name}:{inside}"] = f"127.0.0.1:{free_port()}"
        for inside in ("8000", "8001"):
            self._ports[f"gateway:{inside}"] = f"127.0.0.1:{free_port()}"
        self._postgres = postgres
        self.url = f"http://{self._ports['gateway:8000']}"
        self._dotenv = {
            **DOTENV,
            "LANTAI_BASE_URL": self.url,
            "LANTAI_OIDC_ISSUER": f"{self.url}/issuer",
            "LANTAI_OIDC_JWKS_URL": "http://issuer:8000/jwks",
            "LANTAI_NOTIFY_SMTP_HOST": "127.0.0.1",
            "LANTAI_NOTIFY_SMTP_PORT": self._ports["mailbox:1025"].split(":")[1],
        }
        self.children: dict[str, Child] = {}
        self._gateway: Gateway | None = None

    def start(self) -> None:
        """Bring everything up in compose's order; each process answers its health check before we return."""
        migrated = run(*self._command("migrate"), environment=self.environment("migrate"), seconds=120)
        assert migrated.returncode == 0, migrated.stderr[-3000:]
        for name, service in self._ours.items():
            if service["command"][0] not in ("migrate", "seed"):
                self._spawn(name)
        for name, child in self.children.items():
            self._await(name, child)
        self._gateway = Gateway(self._directory / "gateway", self._filled(self._services["gateway"]["environment"]))

    def start_again(self, name: str) -> None:
        """Start a process that has ended; it answers its health check before we return."""
        self._spawn(name)
        self._await(name, self.children[name])

    def _spawn(self, name: str) -> None:
        log = self._directory / f"{name}.log"
        self.children[name] = Child(self._command(name), self.environment(name), log)

    def seed(self) -> None:
        """Load the sample data as compose's seed container does."""
        done = run(*self._command("seed"), environment=self.environment("seed"), seconds=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def stop(self) -> dict[str, tuple[int, float]]:
        """Stop all at once, as `docker compose stop` would; each process's exit code and time. Harmless twice."""
        started = time.monotonic()
        for child in self.children.values():
            if child.process.poll() is None:
                child.process.terminate()
        ended = {}
        for name, child in self.children.items():
            ended[name] = (child.process.wait(30), time.monotonic() - started)
        if self._gateway is not None:
            self._gateway.stop()
        self.children, self._gateway = {}, None
        return ended

    def address(self, name: str) -> str:
        """Where a process listens, past the gateway."""
        command = self._ours[name]["command"]
        return f"http://{self._ports[name + ':' + command[command.index('--port') + 1]]}"

    def until_readiness(self, name: str, status: str, seconds: float = 45) -> dict[str, Any]:
        """Wait until a process says `status` of itself; what it said."""
        limit = time.monotonic() + seconds
        with outside_client(self.address(name), timeout_seconds=10) as http:
            while (said := http.get("/readyz").json())["status"] != status:
                assert time.monotonic() < limit, said
                time.sleep(0.2)
        found: dict[str, Any] = said
        return found

    def environment(self, name: str) -> dict[str, str]:
        """A service's environment as compose gives it, with our addresses."""
        filled = self._filled(self._ours[name]["environment"])
        filled["LANTAI_POSTGRES_URL"] = self._postgres if name == "migrate" else _without_user(self._postgres)
        # Every process has a directory of its own, but for what compose lets them share.
        filled["LANTAI_VAR"] = str(self._directory / "var" / ("demo" if name in ("seed", "start-page") else name))
        Path(filled["LANTAI_VAR"]).mkdir(parents=True, exist_ok=True)
        return filled

    def _command(self, name: str) -> list[str]:
        command = list(self._ours[name]["command"])
        for option in ("--port", "--smtp-port"):
            if option in command:
                at = command.index(option) + 1
                command[at] = self._ports[f"{name}:{command[at]}"].split(":")[1]
        return ["127.0.0.1" if word == "0.0.0.0" else word for word in command]

    def _filled(self, environment: Mapping[str, Any]) -> dict[str, str]:
        filled = {}
        for name, value in environment.items():
            text = re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", self._variable, str(value))
            for inside, ours in self._ports.items():
                text = re.sub(rf"(?<![\w-]){re.escape(inside)}\b", ours, text)
            filled[name] = text
        for name, inside in (("GATEWAY_PORT", "gateway:8000"), ("INTERNAL_PORT", "gateway:8001")):
            if name in filled:
                filled[name] = self._ports[inside]
        return filled

    def _variable(self, match: "re.Match[str]") -> str:
        return self._dotenv.get(match.group(1), match.group(2) or "")

    def _await(self, name: str, child: Child) -> None:
        test = " ".join(self._ours[name]["healthcheck"]["test"])
        asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", test)
        assert asked, f"{name} has no health check"
        address = self._ports[f"{name}:{asked.group(1)}"]
        limit = time.monotonic() + START_SECONDS
        with outside_client(f"http://{address}", timeout_seconds=3) as http:
            while time.monotonic() < limit:
                assert child.process.poll() is None, f"{name} ended: {child.output[-3000:]}"
                with suppress(httpx.TransportError):
                    if http.get(asked.group(2)).is_success:
                        return
                time.sleep(0.1)
        raise AssertionError(f"{name} does not answer: {child.output[-3000:]}")


@pytest.fixture(scope="module")
def deployment(background: Background, kafka_broker: KafkaBroker) -> Iterator[Deployment]:
    """A running deployment on a PostgreSQL and a Kafka of its own."""
    with directory() as path:
        postgres = EmbeddedPostgres(path / "postgres")
        background.run(postgres.start())
        running = Deployment(path, postgres.url(), kafka_broker.bootstrap)
        try:
            running.start()
            yield running
        finally:
            running.stop()
            background.run(postgres.stop())


def _without_user(url: str) -> str:
    """Services get no administrator's password: they derive their own role's."""
    return re.sub(r"//[^@/]*@", "//", url)
