"""From settings to running parts: what `serve`, `worker` and the all-in-one each open, and close when they end."""

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from shared.auth import LocalKeys, RemoteKeys, ServiceTokens, TokenVerifier
from shared.bus.doorbell import Doorbell
from shared.bus.embedded import EmbeddedTransport
from shared.bus.kafka import KafkaTransport
from shared.bus.transport import Transport
from shared.crypto import Vault
from shared.db.engine import Database
from shared.db.urls import service_url
from shared.http.client import fetch_json
from shared.service.deps import Deps
from shared.service.provisioning import log_url, server_url
from shared.service.settings import ServiceSettings
from shared.telemetry.metrics import Metrics


@asynccontextmanager
async def open_deps(settings: ServiceSettings, keys: LocalKeys | None = None) -> AsyncIterator[Deps[Any]]:
    """Open a service's parts. `keys` are the token issuer's when it lives in this process; else they are fetched."""
    secret = settings.secret_key.get_secret_value()
    db = Database(database_url(settings), settings.service, pool_size=settings.pool_size)
    verifier = TokenVerifier(
        issuer=settings.issuer_url,
        audience=settings.oidc_audience,
        keys=keys or RemoteKeys(_key_fetcher(settings)),
        roles_claim=settings.oidc_roles_claim,
    )
    doorbell = Doorbell(db)
    doorbell.start()
    try:
        yield Deps(
            settings=settings,
            db=db,
            verifier=verifier,
            service_tokens=ServiceTokens(secret, settings.service),
            vault=Vault.parse(settings.data_keys.get_secret_value() or _development_data_key(secret)),
            metrics=Metrics(settings.service),
        )
    finally:
        await doorbell.stop()
        await db.dispose()


def make_transport(settings: ServiceSettings) -> Transport:
    """Return the deployment's event log, not yet started."""
    name = f"lantai-{settings.service}"
    if settings.kafka_bootstrap_servers:
        return KafkaTransport(settings.kafka_bootstrap_servers, name=name, options=_sign_in(settings))
    return EmbeddedTransport(log_url(settings), name=name)


def _sign_in(settings: ServiceSettings) -> dict[str, Any]:
    """How the broker is spoken to: in clear or by TLS (a private authority by its file), with a name or without."""
    options: dict[str, Any] = {"security_protocol": settings.kafka_security_protocol}
    if "SSL" in settings.kafka_security_protocol:
        options["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
    if settings.kafka_sasl_password is not None:
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password.get_secret_value(),
        }
    return options


def database_url(settings: ServiceSettings) -> str:
    """Return the URL by which the service itself connects."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return service_url(server_url(settings), settings.service, settings.secret_key.get_secret_value())


def _development_data_key(secret: str) -> str:
    """Derive a data key; settings refuse to be without one in production."""
    key = hashlib.sha256(b"lantai development data key" + secret.encode()).digest()
    return f"development:{base64.b64encode(key).decode()}"


def _key_fetcher(settings: ServiceSettings) -> Callable[[], Awaitable[Mapping[str, Any]]]:
    async def fetch() -> Mapping[str, Any]:
        url = settings.oidc_jwks_url
        if not url:
            discovered = await fetch_json(f"{settings.issuer_url.rstrip('/')}/.well-known/openid-configuration")
            url = str(discovered["jwks_uri"])
        return await fetch_json(url)

    return fetch
