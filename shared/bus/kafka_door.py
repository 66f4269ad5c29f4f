"""Why no broker lets us in. The client says it to its own log, and raises only that it could not connect."""

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from shared.bus.transport import TransportUnavailable

OURS = (
    "client_id",
    "request_timeout_ms",
    "security_protocol",
    "ssl_context",
    "sasl_mechanism",
    "sasl_plain_username",
    "sasl_plain_password",
)


async def let_in(starting: Awaitable[None], config: Mapping[str, Any]) -> None:
    """Wait for the `start` of a client with this configuration. Raises TransportUnavailable that tells each reason."""
    try:
        await starting
    except KafkaConnectionError as refused:
        ours = {name: config[name] for name in OURS if name in config}
        hosts = sorted((host, port) for host, port, _ in collect_hosts(config["bootstrap_servers"]))
        reasons = await asyncio.gather(*(_knock(host, port, ours) for host, port in hosts))
        if not all(reasons):
            raise  # it was something else, or is over
        raise TransportUnavailable(f"Kafka: {'; '.join(map(str, reasons))}") from refused


async def _knock(host: str, port: int, ours: Mapping[str, Any]) -> str | None:
    """Come in as the client does; return why that fails."""
    try:
        connection = await create_conn(host, port, **ours)
        try:
            await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    except (KafkaError, OSError) as refusal:
        return f"{host}:{port} {_told(refusal)}"
    return None


def _told(refusal: Exception) -> str:
    match refusal:
        case ssl.SSLCertVerificationError():
            return f"shows a certificate that is not trusted: {refusal.verify_message}"
        case SaslAuthenticationFailed():
            return f"refuses this name or password: {refusal.args[0]}"
        case UnsupportedSaslMechanismError():
            return "does not offer this mechanism to sign in"
        case IllegalSaslStateError():
            return "lets nobody sign in: it is to be spoken to without a name"
        case KafkaConnectionError() | ConnectionResetError() | ssl.SSLError():
            return "ends the conversation: it may want another security protocol"
        case TimeoutError():
            return "does not answer"
    return f"cannot be reached: {refusal}"
