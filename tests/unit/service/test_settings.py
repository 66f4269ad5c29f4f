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
    ("real", "where"),
    [
        ("LANTAI_POSTGRES_URL", "postgresql://server"),
        ("LANTAI_KAFKA_BOOTSTRAP_SERVERS", "kafka-1:9092, kafka-2:9092"),
        ("LANTAI_REQUESTS_DATABASE_URL", "postgresql://server/requests"),
    ],
)
def test_a_real_database_or_broker_means_production(monkeypatch: pytest.MonkeyPatch, real: str, where: str) -> None:
    assert RequestsSettings().environment is Environment.DEVELOPMENT
    for name, value in (PRODUCTION | {real: where}).items():
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


def test_production_wants_a_secret_that_is_long_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PRODUCTION | {"LANTAI_ENV": "production", "LANTAI_SECRET_KEY": "s" * 31}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match="LANTAI_SECRET_KEY（随机密钥，32 位以上）"):
        RequestsSettings()
    monkeypatch.setenv("LANTAI_SECRET_KEY", "s" * 32)
    assert RequestsSettings().environment is Environment.PRODUCTION


def test_all_that_production_lacks_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANTAI_ENV", "production")
    with pytest.raises(ValidationError) as told:
        RequestsSettings()
    assert [name for name in PRODUCTION if name in str(told.value)] == list(PRODUCTION)


SIGNED = {"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_USERNAME": "lantai", "KAFKA_SASL_PASSWORD": "geheim"}


@pytest.mark.parametrize("one", SIGNED)
def test_half_a_sign_in_to_the_broker_is_refused(monkeypatch: pytest.MonkeyPatch, one: str) -> None:
    """Neither two of the three nor one alone."""
    for name, value in SIGNED.items():
        monkeypatch.setenv(f"LANTAI_{name}", value)
    assert RequestsSettings().kafka_sasl_mechanism == "SCRAM-SHA-512"
    monkeypatch.delenv(f"LANTAI_{one}")
    with pytest.raises(ValidationError, match="set all three or none") as told:
        RequestsSettings()
    for name in SIGNED:
        monkeypatch.delenv(f"LANTAI_{name}", raising=False)
    monkeypatch.setenv(f"LANTAI_{one}", SIGNED[one])
    with pytest.raises(ValidationError, match="set all three or none"):
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


@pytest.mark.parametrize("name", ["POSTGRES_URL", "BUS_URL", "REQUESTS_DATABASE_URL", "REQUESTS_DATABASE_OWNER_URL"])
@pytest.mark.parametrize("text", ["foo", "mysql://server", "postgresql://u:geheim@server:port", "postgresql://s:99999"])
def test_what_is_no_address_of_a_database_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv("LANTAI_ENV", "test")
    monkeypatch.setenv(f"LANTAI_{name}", text)
    with pytest.raises(ValidationError, match="write it as postgresql://user:password@host:5432") as told:
        RequestsSettings()
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize("text", ["http://foo:bar", "kafka:0", "kafka:9092,", "kafka 9092", "user@kafka:9092"])
def test_what_is_no_address_of_a_broker_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LANTAI_ENV", "test")
    monkeypatch.setenv("LANTAI_KAFKA_BOOTSTRAP_SERVERS", text)
    with pytest.raises(ValidationError, match="write host:9092"):
        RequestsSettings()


@pytest.mark.parametrize("text", ["kafka", "kafka:9092", "10.0.0.1:9092,10.0.0.2:9092", "[::1]:9092", "::1"])
def test_brokers_are_named_as_kafkas_clients_take_them(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LANTAI_ENV", "test")
    monkeypatch.setenv("LANTAI_KAFKA_BOOTSTRAP_SERVERS", text)
    assert RequestsSettings().kafka_bootstrap_servers == text


def test_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("POSTGRES_URL", "BUS_URL", "KAFKA_BOOTSTRAP_SERVERS", "DATA_KEYS"):
        monkeypatch.setenv(f"LANTAI_{name}", "")
    own = RequestsSettings()
    assert (own.postgres_url, own.bus_url, own.kafka_bootstrap_servers) == (None, None, None)


@pytest.mark.parametrize("keys", ["abc", "k1:YWJj", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", "k1:,k2:"])
def test_what_is_no_key_is_refused_and_not_printed(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    monkeypatch.setenv("LANTAI_DATA_KEYS", keys)
    with pytest.raises(ValidationError, match="must be id:key") as told:
        RequestsSettings()
    assert keys not in str(told.value)
