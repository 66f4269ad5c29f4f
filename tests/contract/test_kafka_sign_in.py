"""A broker that speaks TLS, or asks for a name and a password: what the settings say reaches every client."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.requests.settings import RequestsSettings
from shared.bus.transport import Transport, TransportUnavailable
from shared.service.runtime import make_transport
from shared.service.settings import Environment
from tests.contract.transport_suite import a_topic, numbers, read, record
from tests.kit.certificates import write_certificate
from tests.kit.kafka import KafkaBroker
from tests.kit.ports import free_port

LISTENERS = {"SIGNED": "SASL_PLAINTEXT", "SECRET": "SSL", "BOTH": "SASL_SSL"}
MODULES = "org.apache.kafka.common.security"
LISTENER_SETTINGS = {
    "signed.sasl.enabled.mechanisms": "PLAIN",
    "signed.plain.sasl.jaas.config": f'{MODULES}.plain.PlainLoginModule required user_lantai="right";',
    "both.sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "both.scram-sha-512.sasl.jaas.config": f"{MODULES}.scram.ScramLoginModule required;",
}
NAMED = {"kafka_sasl_username": "lantai", "kafka_sasl_password": "right"}
WRONG = {"kafka_sasl_password": "wrong"}


@dataclass(frozen=True)
class Doors:
    """One broker's listeners: all of one certificate, which only who is given it trusts."""

    ports: dict[str, int]
    certificate: Path

    def ways(self, listener: str) -> dict[str, str]:
        """The settings by which one comes in there."""
        protocol = LISTENERS.get(listener, "PLAINTEXT")
        way = {"kafka_bootstrap_servers": f"127.0.0.1:{self.ports[listener]}", "kafka_security_protocol": protocol}
        if "SSL" in protocol:
            way["kafka_ssl_cafile"] = str(self.certificate)
        if "SASL" in protocol:
            way |= NAMED
        return way | ({"kafka_sasl_mechanism": "PLAIN"} if listener == "SIGNED" else {})


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    directory = tmp_path_factory.mktemp("kafka")
    certificate, broker = write_certificate(directory / "certificate.pem"), KafkaBroker(directory / "broker")
    ports = {name: free_port() for name in LISTENERS} | {"CLIENTS": broker.port}
    listening = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    protocols = ",".join(f"{name}:{protocol}" for name, protocol in LISTENERS.items())
    broker.settings = {
        "listeners": f"{listening},CONTROLLER://127.0.0.1:{broker.controller_port}",
        "advertised.listeners": listening,
        "listener.security.protocol.map": f"CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,{protocols}",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificate),
    } | {f"listener.name.{name}": value for name, value in LISTENER_SETTINGS.items()}
    broker.passwords = {"lantai": "right"}
    broker.start()
    yield Doors(ports, certificate)
    broker.stop()


def log_of(settings: dict[str, str]) -> Transport:
    return make_transport(RequestsSettings.model_validate({"env": Environment.TEST, **settings}))


@pytest.mark.parametrize("listener", LISTENERS)
async def test_every_client_comes_in(doors: Doors, listener: str) -> None:
    log, topic, compacted = log_of(doors.ways(listener)), a_topic(), a_topic(compacted=True)
    await log.ensure_topics([topic, compacted])
    assert await log.empty([topic.name]) == {topic.name}
    await log.publish([record(topic, "k", 1)])
    async with log.sole_publisher("tests") as publisher:
        await publisher.publish([record(compacted, "k", 2)])
    async with log.subscribe(topic.name, [topic.name, compacted.name]) as subscription:
        assert {one for found in numbers(await read(subscription, 2)).values() for one in found} == {1, 2}
    assert await log.rewind(topic.name, [topic.name], None) == {topic.name: 1}
    await log.check()
    await log.stop()


# Where one knocks, what is wrong with it, and how that is told.
UNTRUSTED = "shows a certificate that is not trusted: self-signed certificate"
IN_CLEAR = {"kafka_security_protocol": "PLAINTEXT"}
BY_TLS = {"kafka_security_protocol": "SSL"}
REFUSALS = [
    ("SIGNED", WRONG, "refuses this name or password: Authentication failed: Invalid username or password"),
    ("BOTH", WRONG, "refuses this name or password: Authentication failed during authentication due to invalid"),
    ("BOTH", {"kafka_sasl_mechanism": "SCRAM-SHA-256"}, "does not offer this mechanism to sign in"),
    ("SECRET", {"kafka_ssl_cafile": None}, UNTRUSTED),
    ("BOTH", {"kafka_ssl_cafile": None}, UNTRUSTED),
    ("SECRET", IN_CLEAR, "ends the conversation: it may want another security protocol"),
    ("CLIENTS", BY_TLS, "ends the conversation: it may want another security protocol"),
    ("CLIENTS", NAMED | {"kafka_security_protocol": "SASL_PLAINTEXT"}, "lets nobody sign in"),
]


@pytest.mark.parametrize(("listener", "wrong", "told"), REFUSALS)
async def test_who_is_not_let_in_is_told_why(
    doors: Doors, listener: str, wrong: dict[str, str | None], told: str
) -> None:
    """In one sentence, by every client, and soon: it is what a start, the readiness and `lantai migrate` say."""
    way = {name: value for name, value in (doors.ways(listener) | wrong).items() if value is not None}
    log, topic = log_of(way), a_topic()
    async with log.subscribe("g", [topic.name]) as subscription:
        for attempt in (log.check(), log.ensure_topics([topic]), subscription.fetch(1, 0.1)):
            with pytest.raises(TransportUnavailable) as refused:
                async with asyncio.timeout(4):
                    await attempt
            assert str(refused.value).startswith(f"Kafka: 127.0.0.1:{doors.ports[listener]} {told}")
            assert "wrong" not in str(refused.value) and "\n" not in str(refused.value)
    await log.stop()


async def test_a_broker_that_is_not_there_is_told_of(doors: Doors) -> None:
    port = free_port()
    log = log_of({"kafka_bootstrap_servers": f"127.0.0.1:{port}"})
    with pytest.raises(TransportUnavailable, match=f"^Kafka: 127.0.0.1:{port} cannot be reached: "):
        await log.check()
    await log.stop()
