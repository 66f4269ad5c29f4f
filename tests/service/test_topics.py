"""A log that is new to a deployment: its compacted topics are told anew, so that who starts later can build itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from sqlalchemy import select

from services.catalog.agencies.models import Agency
from services.catalog.service import SERVICE
from shared.bus.embedded import EmbeddedTransport
from shared.bus.embedded_schema import migrate_bus
from shared.bus.transport import TransportUnavailable
from shared.events.catalog import AgencyUpserted
from shared.service.topics import topics_prepared
from tests.kit.apps import ServiceUnderTest
from tests.kit.postgres import Builder, ServiceDatabase
from tests.kit.spine import until
from tests.service.states import a_catalog, filled, prepare, relaying, told_whole

Logs = Callable[[], EmbeddedTransport]


@pytest.fixture
async def a_log(fresh_database: Callable[[str, Builder], str]) -> AsyncIterator[Logs]:
    """Call it for a log that holds nothing, not even topics; not started yet."""
    async with AsyncExitStack() as stack:

        def fresh() -> EmbeddedTransport:
            log = EmbeddedTransport(fresh_database("bus", migrate_bus), lease_seconds=1.5)
            stack.push_async_callback(log.stop)
            return log

        yield fresh


@pytest.fixture
async def catalog(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[ServiceUnderTest]:
    async with a_catalog(service_database("catalog").url) as service:
        yield service


async def test_who_starts_after_a_switch_can_build_itself(
    catalog: ServiceUnderTest, a_log: Logs, service_database: Callable[[str], ServiceDatabase]
) -> None:
    before, after = a_log(), a_log()
    for log in (before, after):
        await log.start()
        await prepare(log, catalog)
        async with relaying(catalog, log):
            assert await told_whole(log, catalog, service_database("notify").url)


async def test_a_log_that_holds_the_states_is_told_nothing_more(catalog: ServiceUnderTest, a_log: Logs) -> None:
    log = a_log()
    await log.start()
    await prepare(log, catalog)
    async with relaying(catalog, log):
        await until(lambda: filled(log))
    told = len(await catalog.emitted())
    await prepare(log, catalog)
    assert len(await catalog.emitted()) == told


async def test_a_state_is_never_told_again_behind_a_newer_one(catalog: ServiceUnderTest, a_log: Logs) -> None:
    """A command that is under way is waited for, and the state told is the one that it made."""
    log = a_log()
    await log.start()
    async with catalog.write() as uow:
        query = select(Agency).where(Agency.name == "青山县人民政府").with_for_update()
        agency = (await uow.session.scalars(query)).one()
        preparing = asyncio.create_task(prepare(log, catalog))
        await asyncio.sleep(0.5)
        assert not preparing.done()
        agency.name = "青水县人民政府"
        await uow.session.flush()
    await preparing
    assert (await catalog.emitted(AgencyUpserted))[-1].data.name == "青水县人民政府"  # type: ignore[attr-defined]  # of that type


async def test_topics_are_made_when_a_log_that_was_away_is_back(catalog: ServiceUnderTest, a_log: Logs) -> None:
    """A system starts without it; not started stands for away."""
    log = a_log()
    async with topics_prepared(log, [(SERVICE, catalog.deps.settings)]):
        with pytest.raises(TransportUnavailable):
            await log.check()
        await log.start()

        async def made() -> bool:
            async with log.connection() as connection:
                return bool(await connection.fetchval("SELECT count(*) FROM bus_topics"))

        await until(made)
        async with relaying(catalog, log):
            await until(lambda: filled(log))
