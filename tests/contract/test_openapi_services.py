"""Every service keeps its OpenAPI document: no undeclared answer and no 5xx, whatever is sent, by whomever."""

from collections.abc import Callable

import pytest

from services import roster
from shared.auth import Grant, Role
from tests.kit.apps import COUNTY, running
from tests.kit.fuzz import fuzz
from tests.kit.postgres import ServiceDatabase

UNLIMITED = 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", roster.NAMES)
async def test_every_answer_is_declared(name: str, service_database: Callable[[str], ServiceDatabase]) -> None:
    url = service_database(name).url
    async with running(roster.load(name), url, public_requests_per_minute=UNLIMITED) as service:
        token = service.issuer.issue("all-roles", "全能甲", [Grant(role, COUNTY) for role in Role])
        await fuzz(service.app, name, {"Authorization": f"Bearer {token}"} | service.service("notify"))
