"""The requests service on a database of each test's own."""

from collections.abc import AsyncIterator, Callable

import pytest

from services.requests.service import SERVICE
from tests.kit.apps import ServiceUnderTest, running
from tests.kit.postgres import ServiceDatabase


@pytest.fixture
async def requests(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[ServiceUnderTest]:
    """The running service."""
    url = service_database("requests").url
    async with running(SERVICE, url, public_requests_per_minute=100_000) as service:
        yield service
