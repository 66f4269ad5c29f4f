"""What was known on a day: a closed case keeps the calendar it was judged by, whatever notices come later."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from services.requests.desk import Desk
from services.requests.redating.tasks import redate_all
from shared.auth import Role
from shared.calendar import national, start_of_day
from shared.events.catalog import CalendarPaper, CalendarPublished
from shared.replicas import calendars
from shared.replicas.arrangement import Arrangement
from tests.kit.apps import BUREAU, COUNTY, ServiceUnderTest
from tests.service.requests.desk import get, replied, running_case, set_today


def notice(day: date, version: int, *off: date, works: tuple[date, ...] = ()) -> CalendarPublished:
    return CalendarPublished(
        year=2027,
        version=version,
        notice_number=f"测试〔2026〕{version}号",
        notice_date=day,
        holidays=off,
        make_up_days=works,
        effective_from=datetime(day.year, day.month, day.day, 1, tzinfo=UTC),
        local_agency_id=None,
    )


async def publish(service: ServiceUnderTest, event: CalendarPublished) -> None:
    await service.consume(event, subject=UUID(int=1), agency_id=COUNTY)
    await redate_all(service.deps.db, Desk.of(service.deps))


async def clock(service: ServiceUnderTest, case: dict[str, Any]) -> dict[str, Any]:
    read: dict[str, Any] = (
        await service.client.get(f"/applications/{case['id']}/clock", headers=service.staff(Role.CLERK))
    ).json()
    return read


async def test_a_closed_case_is_explained_by_the_calendar_it_was_judged_by(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 12, 10))
    await publish(requests, notice(date(2026, 12, 9), 1, date(2027, 1, 1)))
    case, still_open = await running_case(requests), await running_case(requests)
    closed = await replied(requests, case)
    before = await clock(requests, closed)
    await set_today(requests, date(2026, 12, 14))
    later = notice(date(2026, 12, 14), 2, date(2027, 1, 1), date(2027, 1, 4), works=(date(2027, 1, 3),))
    await publish(requests, later)
    await publish(requests, notice(date(2026, 12, 14), 3, date(2027, 1, 1), date(2027, 1, 4), date(2027, 1, 5)))
    assert await clock(requests, closed) == before
    assert await get(requests, closed) == closed
    assert (await get(requests, still_open))["due_on"] > closed["due_on"]


async def test_the_ledger_cites_for_each_day_the_paper_that_set_it(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 18))
    case = await running_case(requests, date(2026, 2, 10))
    before = await clock(requests, case)
    packaged = next(each for each in national().notices if each.year == 2026)
    kept = Arrangement.of_notice(packaged, None)
    paper = CalendarPaper(cited=packaged.cited, issued=packaged.issued, days=(*kept.off, *kept.works))
    changed = notice(date(2026, 6, 1), 2, *kept.off, date(2026, 9, 3), works=(*kept.works, date(2026, 9, 6)))
    told = changed.model_copy(update={"year": 2026, "title": "改动一日的通知", "earlier_papers": (paper,)})
    await publish(requests, told)
    assert (await clock(requests, case))["ledger"] == before["ledger"]
    cited = {each["on"]: each["citation"] for each in before["ledger"]}
    assert "国办发明电〔2025〕7号" in cited["2026-02-14"] and "国办发明电〔2025〕7号" in cited["2026-02-16"]
    async with requests.deps.db.read() as session:
        calendar = await calendars.current(session)
    assert calendar.citation(date(2026, 9, 3)).endswith("；《改动一日的通知》（测试〔2026〕2号）")
    assert packaged.cited in calendar.citation(date(2026, 10, 5))


async def test_the_calendar_of_a_day_of_knowledge(requests: ServiceUnderTest) -> None:
    await publish(requests, notice(date(2026, 12, 9), 1, date(2027, 1, 8)))
    await publish(requests, notice(date(2026, 12, 14), 2, date(2027, 1, 11)))
    working = {}
    for day in (date(2026, 12, 9), date(2026, 12, 14), date(2026, 12, 15)):
        async with requests.deps.db.read() as session:
            known = await calendars.current(session, BUREAU, known_at=start_of_day(day))
        working[day.day] = known.is_working(date(2027, 1, 8)), known.is_working(date(2027, 1, 11))
    assert working == {9: (True, True), 14: (False, True), 15: (True, False)}
