"""The unit of work: everything or nothing, the database's clock, one open timer of a kind."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError

from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, clock_offset, inbox, outbox, spine, timers
from shared.db.uow import PUBLIC, Actor, UnitOfWork
from shared.events.sentiment import IncidentClosed, IncidentLevel

AGENCY = uuid7()
CLERK = Actor("staff", "u-1", "经办甲")


async def build(url: str) -> None:
    database = Database(url, "test")
    async with database.engine.begin() as connection:
        await connection.run_sync(spine.create_all)
    await database.dispose()


@pytest.fixture
async def db(fresh_database: Callable[..., str]) -> AsyncIterator[Database]:
    database = Database(fresh_database("spine_only", build), "sentiment")
    yield database
    await database.dispose()


def closed() -> IncidentClosed:
    return IncidentClosed(incident_id=uuid7(), title="停水", agency_name="示例区", level=IncidentLevel.GENERAL)


def decide(uow: UnitOfWork) -> None:
    subject = uuid7()
    uow.emit(closed(), subject=subject, agency_id=AGENCY)
    uow.audit("incident.close", subject=subject, agency_id=AGENCY, details={"why": "已处置"})
    uow.schedule(subject, "due_soon", uow.now)


async def counts(db: Database) -> list[int]:
    async with db.read() as session:
        return [
            (await session.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (outbox, audit_entries, timers)
        ]


async def test_a_block_that_ends_writes_everything(db: Database) -> None:
    async with db.write(CLERK) as uow:
        decide(uow)
    assert await counts(db) == [1, 1, 1]


async def test_a_block_that_fails_writes_nothing(db: Database) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with db.write(CLERK) as uow:
            decide(uow)
            await uow.flush()
            raise RuntimeError("no")
    assert await counts(db) == [0, 0, 0]


async def test_the_relay_is_woken_after_the_commit_and_only_for_events(db: Database) -> None:
    seen: list[str] = []

    def wake() -> bool:
        seen.append("woken")
        return True

    db.on_commit(wake)
    async with db.write(CLERK) as uow:
        uow.audit("looked", subject=uuid7(), agency_id=AGENCY)
    assert seen == []
    async with db.write(CLERK) as uow:
        decide(uow)
        await uow.flush()
        assert seen == []
    assert seen == ["woken"]


async def test_now_is_the_databases_clock_plus_the_offset(db: Database) -> None:
    async with db.write(PUBLIC) as uow:
        before = uow.now
        await uow.session.execute(insert(clock_offset).values(seconds=86_400))
    async with db.write(PUBLIC) as uow:
        assert timedelta(hours=23, minutes=59) < uow.now - before < timedelta(days=1, minutes=1)
        assert uow.now.tzinfo is not None


async def test_the_civil_day_is_asia_shanghais(db: Database) -> None:
    async with db.write(PUBLIC) as uow:
        uow.now = datetime(2026, 11, 21, 16, 30, tzinfo=UTC)
        assert uow.today.isoformat() == "2026-11-22"


async def test_scheduling_again_moves_the_one_open_timer(db: Database) -> None:
    subject = uuid7()
    async with db.write(CLERK) as uow:
        uow.schedule(subject, "overdue", uow.now)
    async with db.write(CLERK) as uow:
        uow.schedule(subject, "overdue", uow.now + timedelta(days=3), {"step": "press"})
        later = uow.now + timedelta(days=3)
    async with db.read() as session:
        rows = (await session.execute(select(timers))).all()
    assert [(row.due_at, row.payload) for row in rows] == [(later, '{"step": "press"}')]


async def test_cancelling_leaves_other_kinds_and_what_has_fired(db: Database) -> None:
    subject = uuid7()
    async with db.write(CLERK) as uow:
        for kind in ("due_soon", "overdue", "other"):
            uow.schedule(subject, kind, uow.now)
    async with db.write(CLERK) as uow:
        await uow.session.execute(timers.update().where(timers.c.kind == "overdue").values(fired_at=uow.now))
        uow.cancel(subject, "due_soon", "overdue")
    async with db.read() as session:
        left = (await session.execute(select(timers.c.kind).order_by(timers.c.kind))).scalars().all()
    assert left == ["other", "overdue"]


async def test_a_naive_datetime_is_refused(db: Database) -> None:
    with pytest.raises(Exception, match="naive datetime refused"):
        async with db.write(CLERK) as uow:
            uow.schedule(uuid7(), "overdue", datetime(2026, 1, 1))  # noqa: DTZ001  (the refusal is what is tested)


async def test_a_read_session_neither_flushes_nor_commits(db: Database) -> None:
    async with db.read() as session:
        with pytest.raises(TypeError):
            await session.commit()
        with pytest.raises(TypeError):
            await session.flush()


async def test_a_savepoint_that_fails_takes_its_own_away_and_nothing_before(db: Database) -> None:
    async with db.write(CLERK) as uow:
        decide(uow)
        with suppress(DBAPIError):
            async with uow.savepoint():
                decide(uow)
                await uow.session.execute(text("SELECT 1/0"))
        async with uow.savepoint():
            decide(uow)
    assert await counts(db) == [2, 2, 2]


async def test_a_transaction_that_a_swallowed_error_doomed_is_not_told_as_committed(db: Database) -> None:
    """PostgreSQL answers its COMMIT with a silent ROLLBACK."""
    with pytest.raises(DBAPIError, match="InFailedSQLTransaction"):
        async with db.write(CLERK) as uow:
            await uow.session.execute(insert(clock_offset).values(only=True, seconds=1))
            with suppress(DBAPIError):
                await uow.session.execute(text("SELECT 1/0"))
    async with db.read() as session:
        assert (await session.execute(select(clock_offset))).first() is None


async def test_collected_rows_and_statements_are_one_statement_and_wait_for_the_flush(db: Database) -> None:
    subject = uuid7()
    async with db.write(CLERK) as uow:
        await uow.fetch("INSERT INTO inbox (event_id, type) VALUES ($1, 'old')", subject)
        rows = [{"event_id": uuid7(), "type": f"kind {n}"} for n in range(2)]
        uow.insert(inbox, *rows)
        uow.also("UPDATE inbox SET type = {0} WHERE event_id = {1}", "new", subject)
        decide(uow)
        assert [row["type"] for row in await uow.fetch("SELECT type FROM inbox")] == ["old"]
        await uow.flush()
        kinds = await uow.fetch("SELECT type FROM inbox ORDER BY type")
        assert [row["type"] for row in kinds] == ["kind 0", "kind 1", "new"]
    assert await counts(db) == [1, 1, 1]


async def test_a_session_and_the_driver_share_one_transaction(db: Database) -> None:
    with pytest.raises(RuntimeError, match="no"):
        async with db.write(CLERK) as uow:
            await uow.session.execute(insert(inbox).values(event_id=uuid7(), type="by session"))
            assert len(await uow.fetch("SELECT FROM inbox")) == 1
            raise RuntimeError("no")
    async with db.read() as session:
        assert (await session.execute(select(func.count()).select_from(inbox))).scalar_one() == 0


async def test_nobody_is_lent_the_transaction_of_a_call_that_was_cancelled(db: Database) -> None:
    async def stuck() -> None:
        async with db.write(CLERK) as uow:
            await uow.fetch("INSERT INTO inbox (event_id, type) VALUES ($1, 'half')", uuid7())
            await uow.fetch("SELECT pg_sleep(30)")

    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await stuck()
    async with db.read() as session:
        assert (await session.execute(select(func.count()).select_from(inbox))).scalar_one() == 0
        mine = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'"
        )
        assert (await session.execute(mine)).scalar_one() == 0
    assert db.lent == 0


async def test_a_session_does_not_commit_behind_the_unit_of_works_back(db: Database) -> None:
    async with db.write(CLERK) as uow:
        with pytest.raises(TypeError):
            await uow.session.commit()
