"""Settings that every service has, read from `LANTAI_*`; a service overrides one with `LANTAI_<SERVICE>_*`."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, FilePath, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from shared.crypto import Vault
from shared.service.addresses import check_brokers, check_postgres

SECRET_CHARACTERS = 32
DEVELOPMENT_SECRET = "lantai-development-secret-not-for-production"  # refused in production
NEEDED = {
    "LANTAI_SECRET_KEY": f"随机密钥，{SECRET_CHARACTERS} 位以上",
    "LANTAI_DATA_KEYS": "如 k1:<base64 32 bytes>",
    "LANTAI_OIDC_ISSUER": "统一身份认证的地址，your identity provider",
}


class Environment(StrEnum):
    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class InsecureSettings(ValueError):
    """Production was asked to start with a default secret or a development part."""


class ServiceSettings(BaseSettings):
    """Common settings; each service derives one small class and sets `service`.

    `postgres_url` names a server (`postgresql://user:password@host:port`): one database `lantai_<service>` in it.
    `database_url` names the service's own database and wins; `database_owner_url` is the same as its owner, to migrate.
    """

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    service: str
    env: Environment | None = None
    postgres_url: SecretStr | None = None
    database_url: SecretStr | None = None
    database_owner_url: SecretStr | None = None
    kafka_bootstrap_servers: str | None = None
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = None
    kafka_sasl_password: SecretStr | None = None
    kafka_ssl_cafile: FilePath | None = None
    bus_url: SecretStr | None = None
    secret_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    data_keys: SecretStr = SecretStr("")
    oidc_issuer: str = ""
    oidc_audience: str = "lantai"
    oidc_jwks_url: str = ""
    oidc_roles_claim: str = "lantai_roles"
    base_url: str = "http://localhost:8000"
    internal_url: str = ""
    pool_size: int = Field(default=10, ge=1, le=100)
    public_requests_per_minute: int = Field(default=120, ge=1)
    trusted_proxies: str = ""
    relay_poll_seconds: float = Field(default=1.0, gt=0)
    timer_poll_seconds: float = Field(default=1.0, gt=0)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments first, then `LANTAI_<SERVICE>_*`, then `LANTAI_*`."""
        name = str(settings_cls.model_fields["service"].default).upper()
        own = EnvSettingsSource(settings_cls, env_prefix=f"LANTAI_{name}_")
        common = EnvSettingsSource(settings_cls, env_prefix="LANTAI_")
        return init_settings, own, common

    @property
    def environment(self) -> Environment:
        """Unset, it is production as soon as a real database or broker is given."""
        if self.env is not None:
            return self.env
        real = self.postgres_url or self.database_url or self.kafka_bootstrap_servers
        return Environment.PRODUCTION if real else Environment.DEVELOPMENT

    @property
    def issuer_url(self) -> str:
        """The name of the token issuer; in development it lives at the same address as everything else."""
        return self.oidc_issuer or f"{self.base_url.rstrip('/')}/issuer"

    @property
    def internal_base_url(self) -> str:
        """Where this service reaches the others: the gateway, unless told otherwise."""
        return self.internal_url or self.base_url

    @field_validator("postgres_url", "database_url", "database_owner_url", "bus_url")
    @classmethod
    def names_a_server(cls, url: SecretStr | None) -> SecretStr | None:
        if not url:  # set to nothing is not set
            return None
        check_postgres(url.get_secret_value())
        return url

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def names_brokers(cls, servers: str | None) -> str | None:
        if not servers:
            return None
        check_brokers(servers)
        return servers

    @field_validator("data_keys")
    @classmethod
    def are_keys(cls, keys: SecretStr) -> SecretStr:
        """Say how keys are written; what is wrong with these could tell them."""
        if keys:
            try:
                Vault.parse(keys.get_secret_value())
            except ValueError:
                raise ValueError(
                    "must be id:key, several with commas between, each key as `openssl rand -base64 32` prints one"
                ) from None
        return keys

    @model_validator(mode="after")
    def refuse_defaults_in_production(self) -> Self:
        if self.environment is Environment.PRODUCTION:
            secret = self.secret_key.get_secret_value()
            given = {
                "LANTAI_SECRET_KEY": secret != DEVELOPMENT_SECRET and len(secret) >= SECRET_CHARACTERS,
                "LANTAI_DATA_KEYS": bool(self.data_keys.get_secret_value()),
                "LANTAI_OIDC_ISSUER": bool(self.oidc_issuer),
            }
            if missing := [f"{name}（{NEEDED[name]}）" for name, there in given.items() if not there]:
                raise InsecureSettings(f"生产环境须设置 {'、'.join(missing)}。")
        return self

    @model_validator(mode="after")
    def refuse_half_a_sign_in(self) -> Self:
        given = {
            self.kafka_security_protocol.startswith("SASL_"),
            self.kafka_sasl_username is not None,
            self.kafka_sasl_password is not None,
        }
        if len(given) > 1:
            raise ValueError(
                "LANTAI_KAFKA_SASL_USERNAME and LANTAI_KAFKA_SASL_PASSWORD go together with "
                "LANTAI_KAFKA_SECURITY_PROTOCOL=SASL_SSL (or SASL_PLAINTEXT): set all three or none."
            )
        return self
