"""One setting each switches a deployment, a service's own overrides it, and production refuses defaults."""

import os

import pytest
from pydantic import ValidationError

from services.notify.settings import NotifySettings
from services.requests.settings import RequestsSettings
from shared.service.settings import Environment

PRODUCTION = {
    "LANTAI_SECRET_KEY": "a-secret-that-nobody-else-has-0123456789",
    "LANTAI_DATA_KEYS": "k1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
    "LANTAI_OIDC_ISSUER": "https://id.example.gov.cn",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("LANTAI_"):
            monkeypatch.delenv(name)


def test_a_services_own_setting_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_POOL_SIZE", "7")
    monkeypatch.setenv("LANTAI_NOTIFY_POOL_SIZE", "9")
    assert (RequestsSettings().pool_size, NotifySettings().pool_size) == (7, 9)


@pytest.mark.parametrize(
    "real", ["LANTAI_POSTGRES_URL", "LANTAI_KAFKA_BOOTSTRAP_SERVERS", "LANTAI_REQUESTS_DATABASE_URL"]
)
def test_a_real_database_or_broker_means_production(monkeypatch: pytest.MonkeyPatch, real: str) -> None:
    assert RequestsSettings().environment is Environment.DEVELOPMENT
    for name, value in (PRODUCTION | {real: "postgresql://server"}).items():
        monkeypatch.setenv(name, value)
    assert RequestsSettings().environment is Environment.PRODUCTION
    monkeypatch.setenv("LANTAI_ENV", "development")
    assert RequestsSettings().environment is Environment.DEVELOPMENT


@pytest.mark.parametrize("missing", PRODUCTION)
def test_production_starts_with_nothing_left_at_its_default(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("LANTAI_ENV", "production")
    for name, value in PRODUCTION.items():
        if name != missing:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=missing):
        RequestsSettings()


def test_all_that_production_lacks_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_ENV", "production")
    with pytest.raises(ValidationError) as told:
        RequestsSettings()
    assert [name for name in PRODUCTION if name in str(told.value)] == list(PRODUCTION)


SIGNED = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "lantai", "KAFKA_SASL_PASSWORD": "geheim"}


@pytest.mark.parametrize("missing", SIGNED)
def test_half_a_sign_in_to_the_broker_is_refused(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in SIGNED.items():
        monkeypatch.setenv(f"LANTAI_{name}", value)
    assert RequestsSettings().kafka_sasl_mechanism == "SCRAM-SHA-512"
    monkeypatch.delenv(f"LANTAI_{missing}")
    with pytest.raises(ValidationError, match="set all three or none") as told:
        RequestsSettings()
    assert "geheim" not in str(told.value)


def test_a_file_of_authorities_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_KAFKA_SSL_CAFILE", "/nowhere/ca.pem")
    with pytest.raises(ValidationError, match=r"(?i)kafka_ssl_cafile"):
        RequestsSettings()


def test_a_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PRODUCTION | {"LANTAI_POSTGRES_URL": "postgresql://admin:geheim@server"}).items():
        monkeypatch.setenv(name, value)
    printed = repr(RequestsSettings())
    assert "geheim" not in printed and PRODUCTION["LANTAI_SECRET_KEY"] not in printed
