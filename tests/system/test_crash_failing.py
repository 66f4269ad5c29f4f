"""Failing events and crashes at once: parking, retries and dead letters are as whole after a kill -9 as effects are.

Parked rows take an event over from the log, which has its place moved past it: so both logs are tried.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator

import pytest

from shared.bus import dead_letters as letters
from shared.db import direct
from shared.db.engine import Database
from tests.kit.crash import Arena, CrashServer
from tests.kit.crash import crash_server as make_server
from tests.kit.kafka import KafkaBroker
from tests.kit.spine import SYSTEM, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("crash-failing")]
POISON = 4
FAILING = {"POISON": str(POISON), "FAILING_SHARE": "0.05"}
POINTS = ["failing:3", "after_park:2", "before_letter:2", "after_letter:2", "before_position:2", "database"]
ACCIDENTS = [("embedded", point) for point in POINTS] + [("kafka", point) for point in (*POINTS, "broker")]


@pytest.fixture(scope="module")
def crash_server() -> Iterator[CrashServer]:
    yield from make_server()


@pytest.fixture
def broker(request: pytest.FixtureRequest, log: str) -> KafkaBroker | None:
    """The module's broker, started for the first test that needs it."""
    if log == "embedded":
        return None
    running: KafkaBroker = request.getfixturevalue("kafka_broker")
    return running


@pytest.fixture
async def arena(crash_server: CrashServer, broker: KafkaBroker | None) -> AsyncIterator[Arena]:
    arena = await asyncio.to_thread(Arena, crash_server, f"kafka {broker.bootstrap}" if broker else None)
    await arena.open()
    yield arena
    await asyncio.to_thread(arena.close)


async def _open_letters(db: Database) -> list[letters.DeadLetter]:
    async with db.read() as session:
        return [letters.letter(row) for row in await session.execute(letters.listing())]


async def _stands_still(arena: Arena, db: Database) -> bool:
    """Whether everything before each key's poison has taken effect, and each poison has its letter."""
    try:
        before = {s: numbers[: POISON - 1] for s, numbers in (await arena.committed()).items()}
        return await arena.effects() == before and len(await _open_letters(db)) >= len(before)
    except direct.UNREACHABLE:
        return False


@pytest.mark.parametrize(("log", "point"), ACCIDENTS)
async def test_poison_parks_its_keys_through_a_crash_and_goes_on_when_it_is_healed(
    arena: Arena, broker: KafkaBroker | None, point: str
) -> None:
    db = Database(arena.target_url, "tests")
    arena.start("relay")
    consumer = arena.start("consumer", kill_at=point if ":" in point else "", **FAILING)
    producer = arena.start("producer", COMMITS="200")
    if broker is not None and point == "broker":
        await until(arena.effects, 60)
        await asyncio.to_thread(broker.kill9)
        await asyncio.to_thread(broker.restart)
    assert await producer.ended() == 0
    assert all(len(numbers) >= POISON for numbers in (await arena.committed()).values())
    if point == "database":
        arena.server.kill9()
    elif point != "broker":
        assert await consumer.ended() == -signal.SIGKILL
        consumer = arena.start("consumer", **FAILING)
    await until(lambda: _stands_still(arena, db), 60)
    dead = await _open_letters(db)
    assert {(letter.key, letter.body) for letter in dead} == {
        (str(subject), f'{{"number":{POISON}}}') for subject in await arena.committed()
    }
    assert len(dead) == len(await arena.committed()), "a letter for each, and one"
    consumer.signal(signal.SIGKILL)
    await consumer.ended()
    arena.start("consumer", FAILING_SHARE="0.05")
    for letter in dead:
        async with db.write(SYSTEM) as uow:
            await letters.replay(uow, letter.id)
    await db.dispose()
    await arena.settled()
