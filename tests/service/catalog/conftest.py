"""The catalog service on a database of each test's own, with three agencies that it owns."""

from collections.abc import AsyncIterator, Callable

import pytest

from services.catalog.agencies.commands import add_agency
from services.catalog.agencies.rules import AgencyData, AgencyKind, AgencyLevel
from services.catalog.service import SERVICE
from tests.kit.apps import AGENCIES, ServiceUnderTest, running
from tests.kit.postgres import ServiceDatabase


@pytest.fixture
async def catalog(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[ServiceUnderTest]:
    """The running service."""
    async with running(SERVICE, service_database("catalog").url) as service:
        async with service.write() as uow:
            for agency in AGENCIES:
                kind = AgencyKind.GOVERNMENT if agency["parent_id"] is None else AgencyKind.DEPARTMENT
                data = AgencyData(
                    name=str(agency["name"]),
                    parent_id=agency["parent_id"],  # type: ignore[arg-type]  # the kit's rows are of mixed types
                    level=AgencyLevel.COUNTY,
                    kind=kind,
                    locality=None,
                    active=True,
                )
                await add_agency(uow, agency["id"], str(agency["code"]), data)  # type: ignore[arg-type]  # as above
        yield service
