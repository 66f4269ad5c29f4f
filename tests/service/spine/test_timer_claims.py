"""What a scheduler locks to claim a timer: with the textbook's row lock a command and the firing of its timer deadlock.

Both want the case and its timers, in opposite orders: the command locks its case and then removes the timers, the
scheduler claims the timer and then wants the case. The control must deadlock, or the test shows nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import DBAPIError

from shared.db.engine import Database
from shared.db.spine import timers
from shared.db.uow import UnitOfWork
from shared.timers.rows import take
from tests.kit.spine import SYSTEM, effects, some_ids

DEADLOCK = "40P01"
CASE = select(effects).where(effects.c.number == -1).with_for_update()
Claim = Callable[[UnitOfWork], Awaitable[int]]


async def of_the_textbook(uow: UnitOfWork) -> int:
    """The control: the due timers' rows, FOR UPDATE SKIP LOCKED."""
    query = select(timers.c.id).where(timers.c.fired_at.is_(None), timers.c.due_at <= func.now())
    return len((await uow.session.execute(query.with_for_update(skip_locked=True))).all())


async def ours(uow: UnitOfWork) -> int:
    ids = (await uow.session.execute(select(timers.c.id))).scalars().all()
    return len(await take(uow.session, ids, uow.now))


@pytest.mark.parametrize(("claim", "victims"), [(of_the_textbook, 1), (ours, 0)])
async def test_a_command_and_the_firing_of_its_timer(counters: Database, claim: Claim, victims: int) -> None:
    (case,) = some_ids(1)
    async with counters.write(SYSTEM) as uow:
        uow.schedule(case, "remind", datetime.now(UTC) - timedelta(hours=1), {})
        await uow.session.execute(insert(effects).values(subject=case, number=-1))
    command_holds, claimed = asyncio.Event(), asyncio.Event()

    async def command() -> None:
        async with counters.write(SYSTEM) as uow:
            await uow.session.execute(CASE)
            command_holds.set()
            await claimed.wait()
            await asyncio.sleep(0.2)
            await uow.session.execute(delete(timers).where(timers.c.subject == case))

    async def firing() -> None:
        await command_holds.wait()
        async with counters.write(SYSTEM) as uow:
            assert await claim(uow) == 1
            claimed.set()
            await uow.session.execute(CASE)

    outcomes = await asyncio.gather(command(), firing(), return_exceptions=True)
    failed = [outcome for outcome in outcomes if outcome is not None]
    assert all(isinstance(one, DBAPIError) for one in failed), failed
    assert [getattr(one.orig, "sqlstate", None) for one in failed if isinstance(one, DBAPIError)] == [
        DEADLOCK
    ] * victims
