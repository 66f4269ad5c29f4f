"""The sentiment service on a database of each test's own."""

from collections.abc import AsyncIterator, Callable

import pytest

from services.sentiment.service import SERVICE
from tests.kit.apps import ServiceUnderTest, running
from tests.kit.postgres import ServiceDatabase


@pytest.fixture
async def sentiment(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[ServiceUnderTest]:
    """The running service."""
    async with running(SERVICE, service_database("sentiment").url) as service:
        yield service
