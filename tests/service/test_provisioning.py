"""A deployment's databases and its log are made as often as asked, with rights no wider than needed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from services.sentiment.settings import SentimentSettings
from shared.bus.embedded_schema import migrate_bus
from shared.bus.transport import Delivered, Record, Transport
from shared.db.direct import dsn
from shared.db.migrate import current, head
from shared.db.urls import with_database
from shared.events import TOPICS
from shared.events.catalog import AgencyUpserted
from shared.events.requests import ApplicationReplied
from shared.service.provisioning import LogNotDrained, NoDatabase, prepare_log, prepare_service
from shared.service.runtime import database_url, make_transport, open_deps
from shared.service.settings import Environment
from tests.kit.postgres import DATABASE_SECRET, Builder, PostgresServer


def settings(postgres: PostgresServer, **more: object) -> SentimentSettings:
    return SentimentSettings.model_validate(
        {"env": Environment.TEST, "postgres_url": postgres.url, "secret_key": DATABASE_SECRET, **more}
    )


async def test_a_service_is_prepared_again_and_again(postgres: PostgresServer) -> None:
    own = settings(postgres)
    await prepare_service(own)
    await prepare_service(own)
    assert await current(database_url(own)) == head("sentiment")


async def test_the_service_can_work_but_not_touch_the_audit_trail_or_the_schema(postgres: PostgresServer) -> None:
    own = settings(postgres)
    await prepare_service(own)
    connection = await asyncpg.connect(dsn(database_url(own)))
    try:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
        for forbidden in (
            "UPDATE audit_entries SET action = 'nothing'",
            "DELETE FROM audit_entries",
            "TRUNCATE audit_seals",
            "ALTER TABLE outbox ADD COLUMN mine integer",
            "CREATE TABLE mine (id integer)",
            "DROP TABLE inbox",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()


async def test_one_services_role_cannot_enter_anothers_database(postgres: PostgresServer) -> None:
    own = settings(postgres)
    await prepare_service(own)
    await prepare_log(own)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn(with_database(database_url(own), "lantai_bus")))


@asynccontextmanager
async def a_log_of(own: SentimentSettings) -> AsyncIterator[Transport]:
    """The deployment's own log, made and started."""
    await prepare_log(own)
    log = make_transport(own)
    await log.start()
    try:
        await log.ensure_topics(TOPICS.values())
        yield log
    finally:
        await log.stop()


async def test_leaving_the_embedded_log_is_refused_while_somebody_has_yet_to_read_it(postgres: PostgresServer) -> None:
    own = settings(postgres)
    await prepare_log(own)
    topic = AgencyUpserted.topic.name
    kafka = settings(postgres, kafka_bootstrap_servers="127.0.0.1:1")
    async with a_log_of(own) as log, log.subscribe(f"lantai.test-{uuid4()}", [topic]) as member:
        async with log.sole_publisher("tests") as publisher:
            await publisher.publish([Record(topic, "key", {}, b"{}")])
        read: list[Delivered] = []
        while not read:
            read = await member.fetch(10, 1)
        with pytest.raises(LogNotDrained, match="have not read"):
            await prepare_log(kafka)
        while read:
            await member.commit(read)
            read = await member.fetch(10, 0.2)
        await prepare_log(kafka)


@pytest.fixture
async def own_log(
    fresh_database: Callable[[str, Builder], str],
) -> AsyncIterator[tuple[SentimentSettings, Transport]]:
    """A log of this test's own, named by LANTAI_BUS_URL."""
    own = SentimentSettings.model_validate({"env": Environment.TEST, "bus_url": fresh_database("bus", migrate_bus)})
    async with a_log_of(own) as log:
        yield own, log


async def test_a_reader_that_has_never_started_counts(own_log: tuple[SentimentSettings, Transport]) -> None:
    own, log = own_log
    kafka = own.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"})
    await prepare_log(kafka)
    topic = ApplicationReplied.topic
    await log.publish([Record(topic.name, "key", {}, b"{}")])
    for reader in topic.readers:
        with pytest.raises(LogNotDrained, match=f"lantai.{reader}"):
            await prepare_log(kafka)
        async with log.subscribe(f"lantai.{reader}", [topic.name]) as member:
            while not (read := await member.fetch(10, 1)):
                pass
            await member.commit(read)
    await prepare_log(kafka)


async def test_a_compacted_topic_waits_for_nobody_who_has_never_read(
    own_log: tuple[SentimentSettings, Transport],
) -> None:
    """Its owner tells it anew in the new log, and it never expires in the old one."""
    own, log = own_log
    async with log.sole_publisher("tests") as publisher:
        await publisher.publish([Record(AgencyUpserted.topic.name, "key", {}, b"{}")])
    await prepare_log(own.model_copy(update={"kafka_bootstrap_servers": "127.0.0.1:1"}))


@pytest.mark.parametrize("setting", ["postgres_url", "database_url", "bus_url"])
async def test_a_server_that_is_away_is_named_in_one_sentence(setting: str) -> None:
    away = {setting: "postgresql://lantai:hidden@127.0.0.1:1/lantai", "env": Environment.TEST}
    own = SentimentSettings.model_validate(away)
    named = f"LANTAI_SENTIMENT_{setting.upper()}" if setting == "database_url" else f"LANTAI_{setting.upper()}"
    for kafka in (None, "127.0.0.1:1") if setting == "bus_url" else (None,):
        prepare = prepare_log if setting == "bus_url" else prepare_service
        with pytest.raises(NoDatabase, match=f"127.0.0.1:1/.* cannot be used .*{named}") as told:
            await prepare(own.model_copy(update={"kafka_bootstrap_servers": kafka}))
        assert "hidden" not in str(told.value)


async def test_a_server_that_says_nothing_is_told_of_by_what_came_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.db.direct.CONNECT_SECONDS", 0.3)
    silent = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = SentimentSettings(env=Environment.TEST, postgres_url=SecretStr(f"postgresql://a:b@127.0.0.1:{port}/c"))
    with pytest.raises(NoDatabase, match=r"\(TimeoutError\)"):
        await prepare_service(settings)
    silent.close()


async def test_settings_without_a_database_say_which_setting_names_one() -> None:
    nothing = SentimentSettings(env=Environment.TEST)
    with pytest.raises(NoDatabase, match="LANTAI_POSTGRES_URL"):
        await prepare_service(nothing)
    with pytest.raises(NoDatabase, match="LANTAI_SENTIMENT_DATABASE_URL"):
        async with open_deps(nothing):
            pass
