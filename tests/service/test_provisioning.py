"""A deployment's databases and its log are made as often as asked, with rights no wider than needed."""

from uuid import uuid4

import asyncpg
import pytest

from services.sentiment.settings import SentimentSettings
from shared.bus.transport import Record, TransportUnavailable
from shared.db.direct import dsn
from shared.db.migrate import current, head
from shared.db.urls import with_database
from shared.events.catalog import AgencyUpserted
from shared.service.provisioning import LogNotDrained, NoDatabase, prepare_bus, prepare_service
from shared.service.runtime import database_url, make_transport, open_deps
from shared.service.settings import Environment
from tests.kit.postgres import DATABASE_SECRET, PostgresServer


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
    await prepare_bus(own, make_transport(own))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await asyncpg.connect(dsn(with_database(database_url(own), "lantai_bus")))


async def test_leaving_the_embedded_log_is_refused_while_somebody_has_yet_to_read_it(postgres: PostgresServer) -> None:
    own = settings(postgres)
    log = make_transport(own)
    await prepare_bus(own, log)
    await prepare_bus(own, log)
    topic = AgencyUpserted.topic.name
    group = f"lantai.test-{uuid4()}"
    kafka = settings(postgres, kafka_bootstrap_servers="127.0.0.1:1")
    await log.start()
    try:
        async with log.subscribe(group, [topic]) as member:
            async with log.sole_publisher("tests") as publisher:
                await publisher.publish([Record(topic, "key", {}, b"{}")])
            read = []
            while not read:
                read = await member.fetch(10, 1)
            with pytest.raises(LogNotDrained, match="have not read"):
                await prepare_bus(kafka, make_transport(kafka))
            while read:
                await member.commit(read)
                read = await member.fetch(10, 0.2)
        with pytest.raises(TransportUnavailable):
            await prepare_bus(kafka, make_transport(kafka))
    finally:
        await log.stop()


async def test_settings_without_a_database_say_which_setting_names_one() -> None:
    nothing = SentimentSettings(env=Environment.TEST)
    with pytest.raises(NoDatabase, match="LANTAI_POSTGRES_URL"):
        await prepare_service(nothing)
    with pytest.raises(NoDatabase, match="LANTAI_SENTIMENT_DATABASE_URL"):
        async with open_deps(nothing):
            pass
