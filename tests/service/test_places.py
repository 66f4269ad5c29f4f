"""Where a command takes place: agency, line and calendar as of this transaction, read in one statement."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from sqlalchemy import insert

from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import PUBLIC, UnitOfWork
from shared.events.catalog import CalendarPublished
from shared.replicas import calendars
from shared.replicas.agencies import ReplicaNotReady
from shared.replicas.place import place_of
from shared.replicas.tables import agency_replica
from shared.replicas.tree import ancestors
from tests.kit.postgres import ServiceDatabase

PROVINCE, COUNTY, BUREAU, OTHER = (uuid7() for _ in range(4))


@pytest.fixture
async def db(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[Database]:
    """A county whose province is not replicated yet, a bureau below it, and a bureau of nobody's."""
    database = Database(service_database("requests").url, "requests")
    async with database.write(PUBLIC) as uow:
        for id, parent in ((COUNTY, PROVINCE), (BUREAU, COUNTY), (OTHER, None)):
            row = {"id": id, "code": f"C{id.hex[-6:]}", "name": "某局", "parent_id": parent, "level": "county"}
            await uow.session.execute(insert(agency_replica).values(**row, active=True))
    yield database
    await database.dispose()


async def keep(uow: UnitOfWork, version: int, *days: date, local: UUID | None = None) -> None:
    notice = CalendarPublished(
        year=2027,
        version=version,
        notice_number=f"第{version}号",
        notice_date=date(2026, 11, 10),
        holidays=days,
        make_up_days=(),
        effective_from=datetime(2026, 11, 10, tzinfo=UTC),
        local_agency_id=local,
    )
    assert await calendars.keep(uow, notice)


async def test_the_line_is_the_agency_and_all_above_it(db: Database) -> None:
    async with db.write(PUBLIC) as uow:
        place = await place_of(uow, BUREAU)
        assert place.line == {BUREAU, COUNTY, PROVINCE}
        assert place.line == {BUREAU} | await ancestors(uow.session, BUREAU)
        assert (place.name, place.active) == ("某局", True)


async def test_a_loop_in_the_tree_ends(db: Database) -> None:
    async with db.write(PUBLIC) as uow:
        await uow.fetch("UPDATE agency_replica SET parent_id = $1 WHERE id = $2", BUREAU, COUNTY)
        assert (await place_of(uow, BUREAU)).line == {BUREAU, COUNTY}


async def test_the_newest_notices_of_its_line_hold_at_once(db: Database) -> None:
    monday, tuesday, wednesday = (date(2027, 3, day) for day in (1, 2, 3))
    async with db.write(PUBLIC) as uow:
        await keep(uow, 1, monday)
        before = (await place_of(uow, BUREAU)).calendar
        await keep(uow, 2, tuesday)
        await keep(uow, 1, wednesday, local=COUNTY)
        here, there = (await place_of(uow, BUREAU)).calendar, (await place_of(uow, OTHER)).calendar
        assert [before.is_working(day) for day in (monday, tuesday, wednesday)] == [False, True, True]
        assert [here.is_working(day) for day in (monday, tuesday, wednesday)] == [True, False, False]
        assert [there.is_working(day) for day in (monday, tuesday, wednesday)] == [True, False, True]
        assert here is await calendars.current(uow.session, BUREAU)
        assert there is await calendars.current(uow.session, OTHER)


async def test_an_agency_we_have_not_heard_of_is_not_ready(db: Database) -> None:
    with pytest.raises(ReplicaNotReady):
        async with db.write(PUBLIC) as uow:
            await place_of(uow, uuid7())
