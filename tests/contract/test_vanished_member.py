"""A member that vanishes without a goodbye, by `kill -9`: what it had read and not committed goes to the next one.

On both logs that several processes share; a member of the memory log lives and dies with the log itself.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator

import pytest

from shared.bus.embedded_schema import migrate_bus
from shared.bus.transport import Transport
from tests.contract.transport_suite import PATIENCE, a_topic, closing, nothing_more, numbers, read, record
from tests.contract.vanishing_member import log_at

KEYS = [f"k{n}" for n in range(8)]
COMMITTED, READ = 1, 3


@pytest.fixture(params=["embedded", "kafka"])
def place(request: pytest.FixtureRequest) -> tuple[str, str]:
    """The log's kind, and where it is."""
    if request.param == "embedded":
        return "embedded", request.getfixturevalue("fresh_database")("bus", migrate_bus)
    return "kafka", request.getfixturevalue("kafka")


@pytest.fixture
async def log(place: tuple[str, str]) -> AsyncIterator[Transport]:
    log = log_at(*place)
    async with closing([log]):
        await log.start()
        yield log


async def test_what_it_had_not_committed_is_delivered_to_the_next_in_order(
    place: tuple[str, str], log: Transport
) -> None:
    topic = a_topic(partitions=4)
    await log.ensure_topics([topic])
    await log.publish([record(topic, key, n) for n in range(READ) for key in KEYS])
    member = await asyncio.create_subprocess_exec(
        *("setpriv", "--pdeathsig=KILL", sys.executable, "-m", "tests.contract.vanishing_member"),
        *(*place, topic.name, str(READ * len(KEYS)), str(COMMITTED)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert member.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            assert await member.stdout.readline() == b"read\n"
    finally:
        member.kill()
    assert await member.wait() == -signal.SIGKILL
    await log.publish([record(topic, key, READ) for key in KEYS])
    async with log.subscribe(f"g-{topic.name}", [topic.name]) as subscription:
        again = await read(subscription, (READ + 1 - COMMITTED) * len(KEYS))
        assert numbers(again) == {key: list(range(COMMITTED, READ + 1)) for key in KEYS}
        assert await nothing_more(subscription)
