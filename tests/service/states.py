"""A catalog with states to tell, and a service that builds itself from what a log tells of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import func, select

from services.catalog.agencies.commands import add_agency
from services.catalog.agencies.rules import AgencyData, AgencyKind, AgencyLevel
from services.catalog.calendar.commands import publish_notice
from services.catalog.calendar.rules import NoticeData
from services.catalog.service import SERVICE
from services.roster import load
from shared.auth import Grant, Principal, Role
from shared.bus.consumers import Consumers
from shared.bus.relay import Relay
from shared.bus.transport import Transport, TransportUnavailable
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.events.catalog import AgencyUpserted, CalendarPublished
from shared.replicas.tables import agency_replica, calendar_replica
from shared.service.topics import prepare_topics
from tests.kit.apps import ServiceUnderTest
from tests.kit.apps import running as service_running
from tests.kit.spine import running, until

COUNTY = "青山县人民政府"
GROUP = "lantai.notify"
STATES = (AgencyUpserted.topic.name, CalendarPublished.topic.name)


@asynccontextmanager
async def a_catalog(url: str) -> AsyncIterator[ServiceUnderTest]:
    """A catalog with one county, whose notice of 2027 has a second version."""
    async with service_running(SERVICE, url, database_url=SecretStr(url)) as service:
        county = await add(service, COUNTY)
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
    """Add a county."""
    agency = uuid7()
    data = AgencyData(
        name=name, parent_id=None, level=AgencyLevel.COUNTY, kind=AgencyKind.GOVERNMENT, locality=None, active=True
    )
    async with service.write() as uow:
        await add_agency(uow, agency, f"1150000000{agency.hex[-8:]}"[:18].upper(), data)
    return agency


async def prepare(log: Transport, catalog: ServiceUnderTest) -> None:
    """Prepare a log as a deployment does that goes to it for the first time."""
    await prepare_topics(log, [(SERVICE, catalog.deps.settings)])


@asynccontextmanager
async def relaying(catalog: ServiceUnderTest, log: Transport) -> AsyncIterator[None]:
    """The catalog's relay at work."""
    async with running(Relay(catalog.deps.db, log, poll_seconds=0.2)):
        yield


async def told_whole(log: Transport, catalog: ServiceUnderTest, url: str, county: str = COUNTY) -> bool:
    """Whether a service that starts empty, and so reads from the beginning, builds itself from this log."""
    db = Database(url, "notify")

    async def begun() -> bool:
        with suppress(TransportUnavailable):  # a broker that is new looks for who coordinates its groups
            await log.rewind(GROUP, STATES, None)
            return True
        return False

    await until(begun)
    handlers = load("notify").consumers(catalog.deps)
    try:
        async with running(Consumers(db, log, GROUP, handlers)):

            async def built() -> bool:
                async with db.read() as session:
                    names = set(await session.scalars(select(agency_replica.c.name)))
                    version = await session.scalar(select(func.max(calendar_replica.c.version)))
                return names == {county} and version == 2

            return bool(await until(built))
    finally:
        await db.dispose()


async def filled(log: Transport) -> bool:
    """Whether the log holds both states."""
    return not await log.empty(STATES)
