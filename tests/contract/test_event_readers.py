"""A topic names exactly those services that have a handler for one of its events."""

import pytest

from services.roster import NAMES, load
from shared.auth import DevelopmentIssuer
from shared.events import TOPICS
from shared.service.settings import Environment
from tests.kit.apps import ISSUER, make_deps

NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/nothing"  # handlers are listed, nothing is asked


@pytest.mark.parametrize("name", NAMES)
async def test_a_service_reads_what_names_it_as_reader(name: str) -> None:
    definition = load(name)
    settings = definition.settings(service=name, env=Environment.TEST)
    deps = make_deps(settings, NOWHERE, DevelopmentIssuer(env="test", url=ISSUER))
    handled = {event.topic.name for event in definition.consumers(deps)}
    await deps.db.dispose()
    assert handled == {topic.name for topic in TOPICS.values() if name in topic.readers}
