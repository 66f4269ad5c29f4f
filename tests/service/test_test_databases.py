"""The kit's own promises: a fresh database is a copy of its template, and is gone after the test."""

from collections.abc import Callable

import asyncpg
import pytest

from tests.kit.postgres import Builder, PostgresServer, ServiceDatabase, taking


async def build(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    await connection.execute("CREATE TABLE things (name text); INSERT INTO things VALUES ('from the template')")
    await connection.close()


async def names(url: str) -> list[str]:
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        return [row["name"] for row in await connection.fetch("SELECT name FROM things ORDER BY name")]
    finally:
        await connection.close()


async def test_each_database_is_a_copy_of_its_own(
    postgres: PostgresServer, fresh_database: Callable[[str, Builder], str]
) -> None:
    first, second = fresh_database("kit_things", build), fresh_database("kit_things", build)
    postgres.execute("INSERT INTO things VALUES ('mine')", url=first)
    assert await names(first) == ["from the template", "mine"]
    assert await names(second) == ["from the template"]


async def test_databases_are_dropped_after_their_test(postgres: PostgresServer) -> None:
    with taking(postgres) as take:
        url = take("kit_things", build)
        assert await names(url) == ["from the template"]
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await names(url)


async def test_a_database_is_dropped_under_a_test_that_forgot_to_disconnect(
    postgres: PostgresServer, fresh_database: Callable[[str, Builder], str]
) -> None:
    url = fresh_database("kit_things", build)
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    postgres.drop(url)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("SELECT 1")
    connection.terminate()


async def test_a_services_database_has_its_real_rights(service_database: Callable[[str], ServiceDatabase]) -> None:
    database = service_database("sentiment")
    connection = await asyncpg.connect(database.url.replace("+asyncpg", ""))
    try:
        assert await connection.fetchval("SELECT count(*) FROM outbox") == 0
        for forbidden in ("DELETE FROM audit_entries", "UPDATE audit_entries SET action = ''", "DROP TABLE outbox"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(forbidden)
    finally:
        await connection.close()
