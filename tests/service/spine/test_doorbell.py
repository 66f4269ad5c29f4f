"""The doorbell rings whatever happened to it before."""

import asyncio

from shared.bus.doorbell import Doorbell
from shared.bus.outbox import CHANNEL
from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.urls import with_database
from tests.kit.postgres import PostgresServer
from tests.kit.spine import emit, running, some_ids


async def test_a_doorbell_survives_what_nobody_expected(
    counters: Database, counters_url: str, postgres: PostgresServer
) -> None:
    """Its database is not there (yet): the next commit rings all the same."""
    name = f"late_{uuid7().hex}"
    counters.url = with_database(counters_url, name)
    (a,) = some_ids(1)
    heard = asyncio.Event()
    async with running(Doorbell(counters)):
        await emit(counters, a, 1)
        await asyncio.sleep(0.5)
        postgres.execute(f'CREATE DATABASE "{name}"')
        listener = await direct.connect(counters.url, "listener")
        await listener.add_listener(CHANNEL, lambda *_: heard.set())
        await emit(counters, a, 2)
        await asyncio.wait_for(heard.wait(), 10)
        await direct.close(listener)
    postgres.drop(counters.url)


async def test_a_doorbell_whose_connection_was_ended_rings_for_the_next_commit(counters: Database) -> None:
    (a,) = some_ids(1)
    heard = asyncio.Event()
    listener = await direct.connect(counters.url, "listener")
    await listener.add_listener(CHANNEL, lambda *_: heard.set())
    async with running(Doorbell(counters)):
        await emit(counters, a, 1)
        await asyncio.wait_for(heard.wait(), 10)
        await listener.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE '%-doorbell'"
        )
        await asyncio.sleep(0.2)
        heard.clear()
        await emit(counters, a, 2)
        await asyncio.wait_for(heard.wait(), 10)
    await direct.close(listener)
