"""The log's topics at a deployment, and the states that a log which is new to it lacks.

A compacted topic builds every new reader. One that holds nothing, in a log that a deployment has just gone to or that
has lost its data, would build none: its owner then tells its whole state once more, through its outbox and so in the
order of everything else that it tells. It does so *before* the topic is made: nothing can be told in between that would
make the topic look filled, and what is broken off in between is done again.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from shared.bus.transport import Transport, TransportUnavailable
from shared.db.engine import Database
from shared.db.retry import Backoff
from shared.db.uow import Actor
from shared.events import TOPICS, Topic
from shared.service.background import Background
from shared.service.definition import Definition
from shared.service.runtime import database_url
from shared.service.settings import ServiceSettings

log = structlog.get_logger(__name__)
START_SECONDS = 5.0  # how long a start waits for the log; a system answers without it
COMPACTED = tuple(topic for topic in TOPICS.values() if topic.compacted)
Services = Sequence[tuple[Definition, ServiceSettings]]


async def prepare_topics(transport: Transport, services: Services) -> None:
    """Make and configure every topic of the registry, and have the states that are missing told once more.

    `transport` is started; the services' databases are at their newest revision. Raises TransportUnavailable.
    """
    empty = await transport.empty(topic.name for topic in COMPACTED)
    for definition, settings in services:
        await republish(definition, settings, [topic for topic in COMPACTED if topic.name in empty])
    await transport.ensure_topics(TOPICS.values())


async def republish(definition: Definition, settings: ServiceSettings, topics: Sequence[Topic] = COMPACTED) -> None:
    """Have a service put the current state of those of these topics that it owns into its outbox."""
    wanted = [definition.republish[topic] for topic in topics if topic in definition.republish]
    if not wanted:
        return
    db = Database(database_url(settings), settings.service, pool_size=1)
    try:
        async with db.write(Actor.system(settings.service)) as uow:
            for tell in wanted:
                await tell(uow)
    finally:
        await db.dispose()


@asynccontextmanager
async def topics_prepared(transport: Transport, services: Services) -> AsyncIterator[None]:
    """Prepare the topics before the block, or during it as soon as the log is back: their events wait till then."""
    later = Background("topics", lambda: _when_it_is_back(transport, services))
    try:
        async with asyncio.timeout(START_SECONDS):
            await prepare_topics(transport, services)
    except (TransportUnavailable, TimeoutError) as away:
        log.warning("log is away, its topics are prepared when it is back", reason=str(away) or "no answer")
        later.start()
    try:
        yield
    finally:
        await later.stop()


async def _when_it_is_back(transport: Transport, services: Services) -> None:
    backoff = Backoff()
    while True:
        await asyncio.sleep(backoff.pause())
        try:
            await prepare_topics(transport, services)
        except TransportUnavailable:
            continue
        log.info("topics are prepared")
        return
