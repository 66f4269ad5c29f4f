"""A savepoint inside another undoes to its own place, and a lost connection is not replaced behind its user's back."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from shared.db.engine import Database
from shared.db.uow import UnitOfWork
from tests.kit.spine import SYSTEM, effects, effects_of, some_ids

Write = Callable[[UnitOfWork, UUID, int], Awaitable[None]]
LOSE = "SELECT pg_terminate_backend(pg_backend_pid())"


async def collect(uow: UnitOfWork, subject: UUID, number: int) -> None:
    uow.insert(effects, {"subject": subject, "number": number})


async def by_driver(uow: UnitOfWork, subject: UUID, number: int) -> None:
    await uow.fetch("INSERT INTO effects (subject, number) VALUES ($1, $2)", subject, number)


async def by_session(uow: UnitOfWork, subject: UUID, number: int) -> None:
    await uow.session.execute(insert(effects).values(subject=subject, number=number))


WAYS = pytest.mark.parametrize("write", [collect, by_driver, by_session])


@WAYS
async def test_of_two_the_inner_undoes_its_own_and_the_outer_goes_on(counters: Database, write: Write) -> None:
    (subject,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        await write(uow, subject, 1)
        async with uow.savepoint():
            await write(uow, subject, 2)
            with suppress(DBAPIError):
                async with uow.savepoint():
                    await write(uow, subject, 3)
                    await uow.fetch("SELECT 1/0")
            await write(uow, subject, 4)
        await write(uow, subject, 5)
    assert await effects_of(counters) == {subject: [1, 2, 4, 5]}


@WAYS
@pytest.mark.parametrize("inner", ["SELECT 1", "SELECT 1/0"])
async def test_the_outer_undoes_also_what_came_before_an_inner(counters: Database, write: Write, inner: str) -> None:
    """Whether the inner one failed or not: both have one name, and the outer's is meant."""
    (subject,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        await write(uow, subject, 1)
        with suppress(RuntimeError):
            async with uow.savepoint():
                await write(uow, subject, 2)
                with suppress(DBAPIError):
                    async with uow.savepoint():
                        await write(uow, subject, 3)
                        await uow.fetch(inner)
                raise RuntimeError
        await write(uow, subject, 4)
    assert await effects_of(counters) == {subject: [1, 4]}


@WAYS
async def test_one_that_fails_after_another_leaves_the_other(counters: Database, write: Write) -> None:
    (subject,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        for number in range(6):
            with suppress(RuntimeError):
                async with uow.savepoint():
                    await write(uow, subject, number)
                    if number % 2:
                        raise RuntimeError
    assert await effects_of(counters) == {subject: [0, 2, 4]}


@WAYS
@pytest.mark.parametrize("lost_by_session", [True, False])
async def test_who_survives_a_lost_connection_writes_nothing_elsewhere(
    counters: Database, write: Write, *, lost_by_session: bool
) -> None:
    """What came before is lost with it, so what comes after must not be kept."""
    before, after = some_ids(2)
    with pytest.raises(DBAPIError):
        async with counters.write(SYSTEM) as uow:
            await write(uow, before, 1)
            with suppress(DBAPIError):
                async with uow.savepoint():
                    await (uow.session.execute(text(LOSE)) if lost_by_session else uow.fetch(LOSE))
            await write(uow, after, 1)
    assert (await effects_of(counters), counters.lent) == ({}, 0)
