"""The log's topics at a deployment, and the states that a log which is new to it lacks.

A compacted topic builds every new reader. One that holds nothing, in a log that a deployment has just gone to or that
has lost its data, would build none: its owner then tells its whole state once more, through its outbox and so in the
order of everything else that it tells. It does so *before* the topic is made: nothing can be told in between that would
make the topic look filled, and what is broken off in between is done again.

A Kafka that is gone back to, after a time on the embedded log, holds states that have grown old. What was told in the
embedded log meanwhile says so: its owner tells it once more here, and then it is taken away there. So each of the two
is told anew however often a deployment goes from one to the other. Two Kafkas are not told apart.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from shared.bus.embedded_upkeep import forget_states, told_states
from shared.bus.transport import Transport, TransportUnavailable
from shared.db.engine import Database
from shared.db.retry import Backoff
from shared.db.uow import Actor
from shared.events import TOPICS, Topic
from shared.service.background import Background
from shared.service.definition import Definition
from shared.service.provisioning import ask_left_log
from shared.service.runtime import database_url
from shared.service.settings import ServiceSettings

log = structlog.get_logger(__name__)
START_SECONDS = 5.0  # how long a start waits for the log; a system answers without it
COMPACTED = tuple(topic for topic in TOPICS.values() if topic.compacted)
Services = Sequence[tuple[Definition, ServiceSettings]]


async def prepare_topics(transport: Transport, services: Services) -> None:
    """Make and configure every topic of the registry, and have the states that are missing told once more.

    `transport` is started; the services' databases are at their newest revision. Raises TransportUnavailable, and
    NoDatabase when the embedded log beside a Kafka is away.
    """
    empty = await transport.empty(topic.name for topic in COMPACTED)
    elsewhere = await ask_left_log(services[0][1], told_states) or {}
    untold = empty | {topic for topic, _ in elsewhere}
    for definition, settings in services:
        await republish(definition, settings, [topic for topic in COMPACTED if topic.name in untold])
    await transport.ensure_topics(TOPICS.values())
    await ask_left_log(services[0][1], lambda url: forget_states(url, elsewhere))


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
    later = Background("topics", lambda _well: _when_it_is_back(transport, services))
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
