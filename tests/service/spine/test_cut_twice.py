"""Who is cut off may be cut off again while it is rolled back: nobody is lent its connection before that is done."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from shared.db.engine import Database
from tests.kit.spine import SYSTEM, effects_of, some_ids

INSERT = "INSERT INTO effects (subject, number) VALUES ($1, $2)"
OPEN = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'")
TURNS = range(8)
"""Of the event loop, between the first cut and the second."""

Work = Callable[[Database, asyncio.Event], Awaitable[None]]


@pytest.fixture
async def one(counters_url: str) -> AsyncIterator[Database]:
    """A database with one connection, so that the next user is lent what the last one had."""
    db = Database(counters_url, "tests", pool_size=1)
    yield db
    await db.dispose()


async def by_driver(db: Database, under_way: asyncio.Event) -> None:
    async with db.write(SYSTEM) as uow:
        await uow.fetch("SELECT 1")
        under_way.set()
        await uow.fetch("SELECT pg_sleep(60)")


async def by_session(db: Database, under_way: asyncio.Event) -> None:
    async with db.write(SYSTEM) as uow:
        await uow.session.execute(text("SELECT 1"))
        under_way.set()
        await uow.session.execute(text("SELECT pg_sleep(60)"))


async def idle(db: Database, under_way: asyncio.Event) -> None:
    async with db.write(SYSTEM) as uow:
        await uow.session.execute(text("SELECT 1"))
        under_way.set()
        await asyncio.sleep(60)


async def reading(db: Database, under_way: asyncio.Event) -> None:
    async with db.read() as session:
        await session.execute(text("SELECT 1"))
        under_way.set()
        await session.execute(text("SELECT pg_sleep(60)"))


async def cut_twice(work: Awaitable[None], under_way: asyncio.Event, turns: int) -> None:
    cut = asyncio.ensure_future(work)
    await under_way.wait()
    await asyncio.sleep(0.005)  # its statement is on its way
    cut.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    cut.cancel()
    await asyncio.wait([cut])
    assert cut.cancelled()


@pytest.mark.parametrize("work", [by_driver, by_session, idle, reading])
async def test_the_next_user_is_not_lent_what_is_still_rolling_back(one: Database, work: Work) -> None:
    (subject,) = some_ids(1)
    for turns in TURNS:
        under_way = asyncio.Event()
        await cut_twice(work(one, under_way), under_way, turns)
        async with one.write(SYSTEM) as uow:
            for number in (2 * turns, 2 * turns + 1):
                await uow.fetch(INSERT, subject, number)
    assert await effects_of(one) == {subject: list(range(2 * len(TURNS)))}
    async with one.read() as session:
        assert (await session.execute(OPEN)).scalar_one() == 0
    assert one.lent == 0
