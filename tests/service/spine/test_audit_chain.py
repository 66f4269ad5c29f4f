"""The audit chain names a changed, a removed and an inserted entry, and the tail that is not sealed yet."""

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from shared.audit import Sealer, verify
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_seals
from shared.db.uow import Actor
from tests.service.spine.test_unit_of_work import build

AGENCY = uuid7()


@pytest.fixture
async def db(fresh_database: Callable[..., str]) -> AsyncIterator[Database]:
    database = Database(fresh_database("spine_only", build), "requests")
    yield database
    await database.dispose()


async def write_entries(db: Database, number: int) -> None:
    async with db.write(Actor("staff", "u-1", "经办甲")) as uow:
        for _ in range(number):
            uow.audit("application.extend", subject=uuid7(), agency_id=AGENCY, details={"days": 20})


async def execute(db: Database, statement: str, **values: object) -> None:
    async with db.engine.begin() as connection:
        await connection.execute(text(statement), values)


async def entry_at(db: Database, position: int) -> UUID:
    async with db.read() as session:
        found = await session.scalar(select(audit_seals.c.entry_id).where(audit_seals.c.position == position))
        assert found is not None
        return found


async def test_an_untouched_trail_is_intact_and_its_tail_is_named(db: Database) -> None:
    await write_entries(db, 7)
    assert await Sealer(db).seal_once() == 7
    await write_entries(db, 2)
    async with db.read() as session:
        found = await verify(session)
    assert (found.intact, found.sealed, len(found.unsealed)) == (True, 7, 2)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE audit_entries SET details = '{\"days\": 5}' WHERE id = :id", "审计条目或其封链已被改动"),
        ("UPDATE audit_entries SET actor_name = '他人' WHERE id = :id", "审计条目或其封链已被改动"),
        ("DELETE FROM audit_entries WHERE id = :id", "审计条目已被删除"),
        ("DELETE FROM audit_seals WHERE entry_id = :id", "封链序号缺失"),
    ],
)
async def test_damage_is_named_with_its_place(db: Database, damage: str, reason: str) -> None:
    await write_entries(db, 9)
    await Sealer(db).seal_once()
    victim = await entry_at(db, 4)
    await execute(db, damage, id=victim)
    async with db.read() as session:
        found = await verify(session)
    assert not found.intact
    assert (found.broken_position, found.reason) == (4, reason)
    if "entries" in damage:
        assert found.broken_entry == victim


async def test_a_tail_cut_off_with_its_seals_is_found_by_a_head_noted_before(db: Database) -> None:
    await write_entries(db, 9)
    await Sealer(db).seal_once()
    async with db.read() as session:
        head = await verify(session)
        assert (await verify(session, (9, head.head))).intact
        assert (await verify(session, (9, b"x" * 32))).reason == "与此前记下的封链不符"
    for position in (8, 9):
        victim = await entry_at(db, position)
        await execute(db, "DELETE FROM audit_seals WHERE entry_id = :id", id=victim)
        await execute(db, "DELETE FROM audit_entries WHERE id = :id", id=victim)
    async with db.read() as session:
        assert (await verify(session)).intact, "in itself nothing is missing"
        found = await verify(session, (9, head.head))
    assert (found.intact, found.broken_position) == (False, 8)
    assert "尾部被截去" in found.reason


async def test_two_sealers_at_once_make_one_chain(db: Database) -> None:
    await write_entries(db, 1200)
    one, two = Sealer(db), Sealer(db)
    while sum(await asyncio.gather(one.seal_once(), two.seal_once())):
        pass
    async with db.read() as session:
        positions = (await session.execute(select(func.count(), func.max(audit_seals.c.position)))).one()
        assert tuple(positions) == (1200, 1200)
        assert (await verify(session)).intact
