"""The notify service on a database of each test's own, with a real mail server and the requests service's contacts."""

from collections.abc import AsyncIterator, Callable

import pytest

from services.notify.service import SERVICE
from tests.kit.apps import ServiceUnderTest, running
from tests.kit.postgres import ServiceDatabase
from tests.kit.smtp import ScriptedSmtp, scripted_smtp
from tests.service.notify.office import QUICK, Office, contacts_service


@pytest.fixture
async def smtp() -> AsyncIterator[ScriptedSmtp]:
    """The mail server."""
    async with scripted_smtp() as server:
        yield server


@pytest.fixture
async def notify(
    service_database: Callable[[str], ServiceDatabase], smtp: ScriptedSmtp
) -> AsyncIterator[ServiceUnderTest]:
    """The running service."""
    url = service_database("notify").url
    async with running(SERVICE, url, smtp_host="127.0.0.1", smtp_port=smtp.port, **QUICK) as service:
        yield service


@pytest.fixture
def office(notify: ServiceUnderTest, smtp: ScriptedSmtp) -> Office:
    """The service, its mail server and its neighbours."""
    return Office(notify, smtp, contacts_service())
