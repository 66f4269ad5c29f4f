"""The replicated calendar: packaged years, overlaid by notices; local days reach the agencies below."""

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import national
from shared.db.ids import uuid7
from shared.events.catalog import AgencyUpserted, CalendarPublished
from shared.replicas import arrangement, calendars
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest

FRIDAY = date(2027, 1, 8)


def published(version: int = 1, *, off: date = FRIDAY, year: int = 2027, agency: object = None) -> CalendarPublished:
    return CalendarPublished(
        year=year,
        version=version,
        notice_number=f"测试〔2026〕{version}号",
        notice_date=date(2026, 12, 1),
        holidays=(off,),
        make_up_days=(),
        effective_from=datetime(2026, 12, 1, tzinfo=UTC),
        local_agency_id=agency,  # type: ignore[arg-type]
    )


async def is_off(service: ServiceUnderTest, day: date, agency_id: object = None) -> bool:
    async with service.deps.db.read() as session:
        calendar = await calendars.current(session, agency_id)  # type: ignore[arg-type]
    return not calendar.is_working(day)


async def test_without_notices_it_is_the_packaged_calendar(requests: ServiceUnderTest) -> None:
    async with requests.deps.db.read() as session:
        assert await calendars.current(session) is national()
        assert await calendars.current(session, BUREAU) is national()


async def test_the_highest_version_holds_in_whatever_order_they_come(requests: ServiceUnderTest) -> None:
    later, earlier = published(2, off=date(2027, 1, 11)), published(1)
    await requests.consume(later, subject=COUNTY)
    await requests.consume(earlier, subject=COUNTY)
    assert await is_off(requests, date(2027, 1, 11))
    assert not await is_off(requests, FRIDAY)
    async with requests.deps.db.read() as session:
        calendar = await calendars.current(session)
        assert calendar is await calendars.current(session)
    assert calendar.last_published_year == 2027
    assert "测试〔2026〕2号" in calendar.citation(date(2027, 1, 11))


async def test_local_days_reach_the_agency_and_those_below(requests: ServiceUnderTest) -> None:
    await requests.consume(published(off=date(2026, 6, 17), year=2026, agency=COUNTY), subject=COUNTY)
    assert await is_off(requests, date(2026, 6, 17), COUNTY)
    assert await is_off(requests, date(2026, 6, 17), BUREAU)
    assert not await is_off(requests, date(2026, 6, 17), OTHER_COUNTY)
    assert not await is_off(requests, date(2026, 6, 17))
    below = uuid7()
    office = AgencyUpserted(code="Z", name="乡政府", parent_id=BUREAU, level="township", active=True)
    await requests.consume(office, subject=below)
    assert await is_off(requests, date(2026, 6, 17), below)
    async with requests.deps.db.read() as session:
        found = await calendars.of_agencies(session, [COUNTY, BUREAU, OTHER_COUNTY, below])
        assert found == {each: await calendars.current(session, each) for each in found}
    assert len(found) == 4


@given(st.sets(st.dates(date(2027, 1, 1), date(2027, 12, 31)), max_size=20))
def test_days_are_kept_as_text_and_read_back(days: set[date]) -> None:
    assert arrangement.days(",".join(map(str, sorted(days)))) == tuple(sorted(days))
