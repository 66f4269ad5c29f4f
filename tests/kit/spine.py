"""A small service of counters, to try the spine on: one event, one effect row per event, and ways to fail.

`effects` has no unique constraint, so a doubled effect shows as a second row.
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlalchemy import BigInteger, Column, Identity, Integer, MetaData, Table, Text, Uuid, insert, select

from shared.bus.dispatch import Handler
from shared.bus.embedded import EmbeddedTransport
from shared.bus.embedded_schema import migrate_bus
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import spine
from shared.db.uow import Actor, UnitOfWork
from shared.events import Envelope, Event, Topic
from tests.kit.postgres import Builder

# A crash test's children read and write a topic of that test's own on a broker that several share.
COUNTERS = Topic(os.environ.get("COUNTERS_TOPIC", "test.counters"), "tests", ("tests",), partitions=4)
AGENCY = UUID(int=7)
SYSTEM = Actor.system("tests")
PATIENCE = 30.0

metadata = MetaData()
effects = Table(
    "effects",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Uuid, nullable=False),
    Column("number", Integer, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
)


class Counted(Event):
    type: ClassVar[str] = "lantai.test.counter.counted.v1"
    topic: ClassVar[Topic] = COUNTERS

    number: int


class Renamed(Event):
    type: ClassVar[str] = "lantai.test.counter.renamed.v1"
    topic: ClassVar[Topic] = COUNTERS

    name: str


class PoisonedEvent(RuntimeError):
    """What a poisoned event's handler raises."""


class Counter:
    """The handler: writes one effect row; numbers in `poison` fail, until they are taken out."""

    def __init__(self) -> None:
        self.poison: set[int] = set()
        self.calls: dict[int, int] = defaultdict(int)

    @property
    def handlers(self) -> dict[type[Event], Handler]:
        return {Counted: self.on_counted}

    async def on_counted(self, uow: UnitOfWork, event: Envelope[Counted]) -> None:
        self.calls[event.data.number] += 1
        await uow.session.execute(insert(effects).values(subject=event.subject, number=event.data.number))
        if event.data.number in self.poison:
            raise PoisonedEvent(f"number {event.data.number}")


async def build_counters(url: str) -> None:
    """Fill an empty database with the spine's tables and `effects`."""
    database = Database(url, "tests")
    async with database.engine.begin() as connection:
        await connection.run_sync(spine.create_all)
        await connection.run_sync(metadata.create_all)
    await database.dispose()


async def emit(db: Database, subject: UUID, *numbers: int) -> None:
    """Commit one unit of work with these events."""
    async with db.write(SYSTEM) as uow:
        for number in numbers:
            uow.emit(Counted(number=number), subject=subject, agency_id=AGENCY)


async def effects_of(db: Database) -> dict[UUID, list[int]]:
    """What took effect, per subject, in the order in which it did."""
    async with db.read() as session:
        found: dict[UUID, list[int]] = defaultdict(list)
        for row in await session.execute(select(effects).order_by(effects.c.id)):
            found[row.subject].append(row.number)
    return dict(found)


async def until(condition: Callable[[], Awaitable[Any]], seconds: float = PATIENCE) -> Any:
    """Wait until the condition holds; return what it gave."""
    async with asyncio.timeout(seconds):
        while True:
            if result := await condition():
                return result
            await asyncio.sleep(0.05)


async def until_effects(db: Database, wanted: dict[UUID, list[int]], seconds: float = PATIENCE) -> None:
    """Wait for exactly these effects in exactly this order; on a timeout say what there is instead."""

    async def there() -> bool:
        return await effects_of(db) == wanted

    try:
        await until(there, seconds)
    except TimeoutError:
        assert await effects_of(db) == wanted


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[None]:
    """Start the parts (relay, consumers, scheduler …) and stop them at the end of the block."""
    for part in parts:
        part.start()
    try:
        yield
    finally:
        await asyncio.gather(*(part.stop() for part in parts))


@pytest.fixture
def counters_url(fresh_database: Callable[[str, Builder], str]) -> str:
    return fresh_database("counters", build_counters)


@pytest.fixture
async def counters(counters_url: str) -> AsyncIterator[Database]:
    """The counters' database."""
    database = Database(counters_url, "tests")
    yield database
    await database.dispose()


@pytest.fixture
def bus_url(fresh_database: Callable[[str, Builder], str]) -> str:
    return fresh_database("bus", migrate_bus)


@pytest.fixture
async def bus(bus_url: str) -> AsyncIterator[EmbeddedTransport]:
    """A started embedded log with the counters' topic."""
    transport = EmbeddedTransport(bus_url, lease_seconds=1.5)
    await transport.start()
    await transport.ensure_topics([COUNTERS])
    yield transport
    await transport.stop()


def some_ids(count: int) -> list[UUID]:
    return [uuid7() for _ in range(count)]
