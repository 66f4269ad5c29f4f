"""What the edge needs of a service's parts; `shared.service.Deps` fits, and tests may give less."""

from typing import Protocol

from shared.auth import ServiceTokens, TokenVerifier
from shared.crypto import Vault
from shared.db.engine import Database
from shared.telemetry.metrics import Metrics


class EdgeSettings(Protocol):
    @property
    def public_requests_per_minute(self) -> int: ...


class EdgeParts(Protocol):
    """Read from `app.state.deps` by the dependencies of routes."""

    @property
    def db(self) -> Database: ...
    @property
    def verifier(self) -> TokenVerifier: ...
    @property
    def service_tokens(self) -> ServiceTokens: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def settings(self) -> EdgeSettings: ...
