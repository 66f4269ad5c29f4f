"""What a service is given to run: nothing here is made at import, and tests give their own."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.auth import ServiceTokens, TokenVerifier
from shared.crypto import Vault
from shared.db.engine import Database
from shared.service.settings import ServiceSettings
from shared.telemetry.metrics import Metrics

S = TypeVar("S", bound=ServiceSettings, covariant=True)


@dataclass(frozen=True)
class Deps(Generic[S]):
    """One service's parts. `settings` is the service's own small class."""

    settings: S
    db: Database
    verifier: TokenVerifier
    service_tokens: ServiceTokens
    vault: Vault
    metrics: Metrics

    @property
    def service(self) -> str:
        return self.settings.service
