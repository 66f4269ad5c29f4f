"""A broker that lets in only who has a name and a password: what the settings say reaches every client."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.requests.settings import RequestsSettings
from shared.bus.transport import TransportUnavailable
from shared.service.runtime import make_transport
from shared.service.settings import Environment
from tests.contract.transport_suite import a_topic, numbers, read, record
from tests.kit.kafka import KafkaBroker
from tests.kit.ports import free_port

LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_lantai="right";'


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers of the listener that asks for a password."""
    broker = KafkaBroker(Path(tmp_path_factory.mktemp("kafka")))
    asking = f"SIGNED://127.0.0.1:{free_port()}"
    broker.settings = {
        "listeners": f"CLIENTS://{broker.bootstrap},{asking},CONTROLLER://127.0.0.1:{broker.controller_port}",
        "advertised.listeners": f"CLIENTS://{broker.bootstrap},{asking}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,SIGNED:SASL_PLAINTEXT",
        "listener.name.signed.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.signed.plain.sasl.jaas.config": LOGIN,
    }
    broker.start()
    yield asking.removeprefix("SIGNED://")
    broker.stop()


def settings(bootstrap: str, password: str) -> RequestsSettings:
    return RequestsSettings.model_validate(
        {
            "env": Environment.TEST,
            "kafka_bootstrap_servers": bootstrap,
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_sasl_username": "lantai",
            "kafka_sasl_password": password,
        }
    )


async def test_every_client_signs_in(signed: str) -> None:
    log, topic, compacted = make_transport(settings(signed, "right")), a_topic(), a_topic(compacted=True)
    await log.ensure_topics([topic, compacted])
    assert await log.empty([topic.name]) == {topic.name}
    await log.publish([record(topic, "k", 1)])
    async with log.sole_publisher("tests") as publisher:
        await publisher.publish([record(compacted, "k", 2)])
    async with log.subscribe("g", [topic.name, compacted.name]) as subscription:
        assert {one for found in numbers(await read(subscription, 2)).values() for one in found} == {1, 2}
    await log.check()
    await log.stop()


async def test_a_wrong_password_is_an_absent_log(signed: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client tells why in its log alone."""
    log = make_transport(settings(signed, "wrong"))
    with pytest.raises(TransportUnavailable):
        async with asyncio.timeout(20):
            await log.check()
    await log.stop()
    assert "Invalid username or password" in caplog.text
