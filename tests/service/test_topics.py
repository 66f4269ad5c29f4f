"""A log that is new to a deployment: its compacted topics are told anew, so that who starts later can build itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from services.catalog.agencies.commands import add_agency
from services.catalog.agencies.models import Agency
from services.catalog.agencies.rules import AgencyData, AgencyKind, AgencyLevel
from services.catalog.calendar.commands import publish_notice
from services.catalog.calendar.rules import NoticeData
from services.catalog.service import SERVICE
from services.roster import load
from shared.auth import Grant, Principal, Role
from shared.bus.consumers import Consumers
from shared.bus.embedded import EmbeddedTransport
from shared.bus.embedded_schema import migrate_bus
from shared.bus.relay import Relay
from shared.bus.transport import Transport, TransportUnavailable
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.events.catalog import AgencyUpserted, CalendarPublished
from shared.replicas.tables import agency_replica, calendar_replica
from shared.service.topics import prepare_topics, topics_prepared
from tests.kit.apps import ServiceUnderTest
from tests.kit.apps import running as service_running
from tests.kit.postgres import Builder, ServiceDatabase
from tests.kit.spine import running, until

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
    """A catalog with one county, whose notice of 2027 has a second version."""
    url = service_database("catalog").url
    async with service_running(SERVICE, url, database_url=SecretStr(url)) as service:
        county = await add(service, "青山县人民政府")
        officer = Principal("a", "甲", (Grant(Role.ADMIN, county),))
        for number in (1, 2):
            day = date(2027, 10, number)
            notice = NoticeData(
                2027, f"国办发明电〔2026〕{number}号", "2027年放假安排", None, (("国庆节", day, day),), ()
            )
            async with service.write() as uow:
                await publish_notice(uow, officer, county, notice, local=False, accept_missing="试验")
        yield service


async def add(service: ServiceUnderTest, name: str) -> UUID:
    agency = uuid7()
    data = AgencyData(
        name=name, parent_id=None, level=AgencyLevel.COUNTY, kind=AgencyKind.GOVERNMENT, locality=None, active=True
    )
    async with service.write() as uow:
        await add_agency(uow, agency, f"1150000000{agency.hex[-8:]}"[:18].upper(), data)
    return agency


async def prepare(log: Transport, catalog: ServiceUnderTest) -> None:
    await prepare_topics(log, [(SERVICE, catalog.deps.settings)])


@asynccontextmanager
async def relaying(catalog: ServiceUnderTest, log: Transport) -> AsyncIterator[None]:
    async with running(Relay(catalog.deps.db, log, poll_seconds=0.2)):
        yield


async def told_whole(log: Transport, catalog: ServiceUnderTest, url: str) -> bool:
    """Whether a service that starts empty builds itself from this log."""
    db = Database(url, "notify")
    handlers = load("notify").consumers(catalog.deps)
    try:
        async with running(Consumers(db, log, "lantai.notify", handlers)):

            async def built() -> bool:
                async with db.read() as session:
                    names = set(await session.scalars(select(agency_replica.c.name)))
                    version = await session.scalar(select(func.max(calendar_replica.c.version)))
                return names == {"青山县人民政府"} and version == 2

            return bool(await until(built))
    finally:
        await db.dispose()


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


async def filled(log: Transport) -> bool:
    return not await log.empty([AgencyUpserted.topic.name, CalendarPublished.topic.name])


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
