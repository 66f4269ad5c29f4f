"""From the embedded log to a real Kafka, back, and to Kafka again: who starts then builds itself from what is now."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from pydantic import SecretStr
from sqlalchemy import select

from services.catalog.agencies.commands import change_agency
from services.catalog.agencies.models import Agency
from services.catalog.agencies.rules import AgencyData, AgencyKind, AgencyLevel
from services.catalog.service import SERVICE
from shared.auth import Grant, Principal, Role
from shared.bus.embedded_schema import migrate_bus
from shared.bus.embedded_upkeep import told_states
from shared.bus.transport import Transport
from shared.service.provisioning import prepare_log
from shared.service.runtime import make_transport
from shared.service.settings import ServiceSettings
from shared.service.topics import prepare_topics
from tests.kit.apps import ServiceUnderTest
from tests.kit.kafka import KafkaBroker
from tests.kit.postgres import Builder, ServiceDatabase
from tests.kit.spine import until
from tests.service.states import COUNTY, a_catalog, filled, relaying, told_whole


@asynccontextmanager
async def switched_to(settings: ServiceSettings, catalog: ServiceUnderTest) -> AsyncIterator[Transport]:
    """The log that these settings name, as `lantai migrate` leaves it, with the catalog's relay at work."""
    await prepare_log(settings)
    log = make_transport(settings)
    await log.start()
    try:
        await prepare_topics(log, [(SERVICE, settings)])
        async with relaying(catalog, log):
            await until(lambda: filled(log))
            yield log
    finally:
        await log.stop()


async def rename(catalog: ServiceUnderTest, name: str) -> None:
    async with catalog.write() as uow:
        agency = (await uow.session.scalars(select(Agency))).one()
        data = AgencyData(
            name=name, parent_id=None, level=AgencyLevel.COUNTY, kind=AgencyKind.GOVERNMENT, locality=None, active=True
        )
        officer = Principal("a", "甲", (Grant(Role.ADMIN, agency.id),))
        await change_agency(uow, officer, agency.id, data, agency.version)


async def test_there_and_back_and_there_again(
    service_database: Callable[[str], ServiceDatabase],
    fresh_database: Callable[[str, Builder], str],
    kafka_broker: KafkaBroker,
) -> None:
    bus_url = fresh_database("bus", migrate_bus)

    def a_new_service() -> str:
        return service_database("notify").url

    async with a_catalog(service_database("catalog").url) as catalog:
        embedded = catalog.deps.settings.model_copy(update={"bus_url": SecretStr(bus_url)})
        kafka = embedded.model_copy(update={"kafka_bootstrap_servers": kafka_broker.bootstrap})
        async with switched_to(embedded, catalog) as log:
            assert await told_whole(log, catalog, a_new_service(), COUNTY)
        async with switched_to(kafka, catalog) as log:
            assert await told_whole(log, catalog, a_new_service(), COUNTY)
            assert await told_states(bus_url) == {}, "what grows old was left there"
            await rename(catalog, "青水县人民政府")
            assert await told_whole(log, catalog, a_new_service(), "青水县人民政府")
        async with switched_to(embedded, catalog) as log:
            assert await told_whole(log, catalog, a_new_service(), "青水县人民政府")
            await rename(catalog, "青云县人民政府")
            assert await told_whole(log, catalog, a_new_service(), "青云县人民政府")
        async with switched_to(kafka, catalog) as log:
            assert await told_whole(log, catalog, a_new_service(), "青云县人民政府")
        told = len(await catalog.emitted())
        async with switched_to(kafka, catalog):
            assert len(await catalog.emitted()) == told, "a start that switches nothing tells nothing"
