"""A unit of work may be cut off at any point (a client goes, a time limit): its connection must not remember it."""

import asyncio
from uuid import UUID

from sqlalchemy import func, select

from shared.db.engine import Database
from shared.db.spine import outbox
from tests.kit.spine import AGENCY, SYSTEM, Counted, emit, some_ids

MOMENTS = 300
STEP_SECONDS = 0.00005


async def ask_and_emit(db: Database, subject: UUID, number: int) -> None:
    """Asking begins a transaction; an event alone is written as one statement that needs none, and ends none."""
    async with db.write(SYSTEM) as uow:
        await uow.fetch("SELECT 1")
        uow.emit(Counted(number=number), subject=subject, agency_id=AGENCY)


async def test_what_is_committed_after_a_cut_off_write_is_kept(counters_url: str) -> None:
    """A BEGIN that was cut off once left the connection inside a transaction whose end nobody ever asked for."""
    cut_off, kept = some_ids(2)
    database = Database(counters_url, "tests", pool_size=1)
    await emit(database, kept, 0)
    for moment in range(MOMENTS):
        cut = asyncio.create_task(ask_and_emit(database, cut_off, moment))
        await asyncio.sleep(moment % 60 * STEP_SECONDS)
        cut.cancel()
        await asyncio.wait([cut])
        await emit(database, kept, moment)
    onlooker = Database(counters_url, "onlooker")
    async with onlooker.read() as session:
        found = await session.scalar(select(func.count()).select_from(outbox).where(outbox.c.key == str(kept)))
    await onlooker.dispose()
    await database.dispose()
    assert found == MOMENTS + 1
