"""From settings to running parts: what `serve`, `worker` and the all-in-one each open, and close when they end."""

import base64
import hashlib
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
from shared.service.provisioning import BUS, server_url
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
        return KafkaTransport(settings.kafka_bootstrap_servers, name=name)
    if settings.bus_url is not None:
        return EmbeddedTransport(settings.bus_url.get_secret_value(), name=name)
    return EmbeddedTransport(service_url(server_url(settings), BUS, settings.secret_key.get_secret_value()), name=name)


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
