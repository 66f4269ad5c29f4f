"""A database that says nothing is asked by one caller at a time; one that is well, or busy, refuses nobody for it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db.engine import Database
from shared.db.silence import NoAnswer
from shared.db.uow import Actor
from tests.kit.edge import EdgeService, build_edge, edge_service
from tests.kit.gate import Gate, behind
from tests.service.test_http_outage import UNAVAILABLE, posted, refused_in_time

SYSTEM = Actor.system("edge")
ONE = text("SELECT 1")


class Forgetful(Gate):
    """A wall that forgets the connections through it: they lead nowhere, silently, and new ones are let through."""

    forgotten: frozenset[object] = frozenset()

    def forget(self) -> None:
        self.forgotten = frozenset(self._open)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            await self.flowing.wait()
            if writer not in self.forgotten:
                writer.write(data)
        writer.close()


@pytest.fixture
async def walled(fresh_database: Callable[..., str]) -> AsyncIterator[tuple[EdgeService, Forgetful]]:
    url = fresh_database("edge", build_edge)
    async with behind(Forgetful, url) as (wall, through), edge_service(through) as service:
        yield service, wall


async def test_one_asks_and_the_others_are_refused_meanwhile(
    walled: tuple[EdgeService, Forgetful],
) -> None:
    edge, wall = walled
    wall.flowing.clear()
    assert refused_in_time([await posted(edge)])
    asking = asyncio.create_task(posted(edge))
    await asyncio.sleep(0.5)
    began = time.monotonic()
    *others, read = await asyncio.gather(posted(edge), posted(edge), edge.client.get("/notes"))
    assert time.monotonic() - began < 2  # less than whoever asks waits
    assert refused_in_time(others) and (read.status_code, read.json()["code"]) == UNAVAILABLE
    assert int(read.headers["Retry-After"]) >= 1
    assert not asking.done()
    wall.flowing.set()
    assert (await asking)[0] == 201
    assert {(await posted(edge))[0] for _ in range(5)} == {201}


async def test_who_has_no_limit_waits_and_is_never_refused(walled: tuple[EdgeService, Forgetful]) -> None:
    """A worker's parts have the time."""
    edge, wall = walled
    db = edge.parts.db

    async def patient() -> bool:
        async with db.write(SYSTEM) as uow, db.read() as session:
            return len(await uow.fetch("SELECT 1")) == await session.scalar(ONE)

    wall.flowing.clear()
    assert refused_in_time([await posted(edge)])
    asking = asyncio.create_task(posted(edge))
    await asyncio.sleep(0.2)
    waiting = asyncio.create_task(patient())
    await asyncio.sleep(1)
    assert not waiting.done()
    wall.flowing.set()
    assert await waiting and (await asking)[0] == 201


async def test_connections_that_a_wall_forgot_cost_one_wait_and_not_one_each(
    walled: tuple[EdgeService, Forgetful],
) -> None:
    edge, wall = walled
    assert {status for status, *_ in await asyncio.gather(*(posted(edge) for _ in range(20)))} == {201}
    await asyncio.sleep(1.2)  # they have cooled down
    wall.forget()
    assert refused_in_time([await posted(edge)])
    assert {(await posted(edge))[0] for _ in range(10)} == {201}


async def test_a_lock_that_is_waited_for_is_no_silence(edge: EdgeService, edge_url: str) -> None:
    """Whoever needs what is locked waits in vain; whoever does not is answered."""
    other = Database(edge_url, "edge")
    async with other.write(SYSTEM) as uow:
        await uow.fetch("LOCK TABLE idempotency_keys IN ACCESS EXCLUSIVE MODE")
        assert (await posted(edge))[0] == 503
        waiting = asyncio.create_task(posted(edge))
        await asyncio.sleep(0.2)
        assert [(await edge.client.get("/notes")).status_code for _ in range(3)] == [200] * 3
    assert (await waiting)[0] == 201
    await other.dispose()


async def test_who_waits_in_vain_for_a_free_connection_says_nothing_of_the_database(edge: EdgeService) -> None:
    db = Database(edge.parts.db.url, "edge", pool_size=1)
    with pytest.raises(PoolTimeout):
        async with db.write(Actor.system("edge")), db.read(within_seconds=0.3):
            pass

    async def opened() -> bool:
        async with db.read(within_seconds=3) as session:
            return bool(await session.scalar(text("SELECT 1")))

    assert await asyncio.gather(opened(), opened(), opened()) == [True] * 3
    await db.dispose()


async def test_a_limit_holds_for_place_connection_and_answer_together(walled: tuple[EdgeService, Forgetful]) -> None:
    edge, wall = walled
    db = Database(edge.parts.db.url, "edge", pool_size=1)

    async def read() -> None:
        async with db.read(within_seconds=3):
            pass

    async def write() -> None:
        async with db.write(SYSTEM, within_seconds=3):
            pass

    for opening in (read, write):
        async with db.read() as session:
            await session.execute(ONE)
            began, waiting = time.monotonic(), asyncio.create_task(opening())
            await asyncio.sleep(2.5)
            wall.flowing.clear()
        with pytest.raises(Exception, match=r"in time|TimeoutError"):
            await waiting
        assert time.monotonic() - began < 4.8, opening  # begun anew, it would be 5.5
        assert db.lent == 0
        wall.flowing.set()
    await db.dispose()


async def test_who_is_not_answered_takes_no_place_in_the_pool(walled: tuple[EdgeService, Forgetful]) -> None:
    edge, wall = walled
    db = Database(edge.parts.db.url, "edge", pool_size=1)
    for _ in range(3):
        async with db.read(within_seconds=3) as session:
            await session.execute(ONE)
        wall.flowing.clear()
        with pytest.raises(NoAnswer):  # on a warm connection: it is the first question that is not answered
            async with db.read(within_seconds=0.3):
                pass
        wall.flowing.set()
    assert db.lent == 0
    await db.dispose()
