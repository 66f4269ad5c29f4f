"""The calendar day by day, as it stands and as it was known on an earlier day."""

from datetime import date
from typing import Any

from shared.events.catalog import CalendarPublished
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest
from tests.service.catalog.desk import move_to, ok, refused
from tests.service.catalog.test_calendar import publish


async def days(service: ServiceUnderTest, first: str, last: str, **params: Any) -> dict[str, dict[str, Any]]:
    asked = {"first": first, "last": last} | params
    return {day["on"]: day for day in ok(await service.client.get("/calendar", params=asked))["days"]}


async def test_a_later_paper_was_not_known_before_its_day(catalog: ServiceUnderTest) -> None:
    now = await days(catalog, "2015-09-01", "2015-09-06")
    assert [now[day]["kind"] for day in ("2015-09-03", "2015-09-06")] == ["holiday", "make_up_day"]
    assert "国发明电〔2015〕1号" in now["2015-09-03"]["citation"]
    before = await days(catalog, "2015-09-01", "2015-09-06", known_on="2015-05-12")
    assert [before[day]["kind"] for day in ("2015-09-03", "2015-09-06")] == ["working_day", "weekend"]
    assert await days(catalog, "2015-09-01", "2015-09-06", known_on="2015-05-13") == now
    early = await days(catalog, "2019-12-27", "2020-01-02", known_on="2019-11-20")
    assert [early[day]["provisional"] for day in ("2019-12-27", "2020-01-02")] == [False, True]


async def test_an_imported_notice_is_known_from_the_day_it_came(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 12, 10))
    ok(await publish(catalog), 201)
    after = await days(catalog, "2027-01-30", "2027-01-30", known_on="2026-12-10")
    assert after["2027-01-30"]["kind"] == "make_up_day"
    assert "国办发明电〔2026〕9号" in after["2027-01-30"]["citation"]
    before = await days(catalog, "2027-01-30", "2027-01-30", known_on="2026-12-09")
    assert (before["2027-01-30"]["kind"], before["2027-01-30"]["provisional"]) == ("weekend", True)


CHANGED_2026: dict[str, Any] = {
    "year": 2026,
    "number": "国发明电〔2026〕1号",
    "title": "国务院关于2026年9月3日调休放假的通知",
    "issued": "2026-06-01",
    "holidays": [
        {"name": "元旦", "first": "2026-01-01", "last": "2026-01-03"},
        {"name": "春节", "first": "2026-02-15", "last": "2026-02-23"},
        {"name": "清明节", "first": "2026-04-04", "last": "2026-04-06"},
        {"name": "劳动节", "first": "2026-05-01", "last": "2026-05-05"},
        {"name": "端午节", "first": "2026-06-19", "last": "2026-06-21"},
        {"name": "纪念日", "first": "2026-09-03", "last": "2026-09-03"},
        {"name": "中秋节", "first": "2026-09-25", "last": "2026-09-27"},
        {"name": "国庆节", "first": "2026-10-01", "last": "2026-10-07"},
    ],
    "make_up_days": ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-06", "2026-09-20", "2026-10-10"],
}


async def test_a_paper_that_changes_some_days_is_cited_on_these_alone(catalog: ServiceUnderTest) -> None:
    """Every other day goes on resting on the paper that set it, which was in force when this one was not yet out."""
    await move_to(catalog, date(2026, 6, 2))
    year = "2026-01-01", "2026-12-31"
    before = await days(catalog, *year)
    ok(await publish(catalog, **CHANGED_2026), 201)
    after = await days(catalog, *year)
    changed = {day for day in before if before[day] != after[day]}
    assert changed == {"2026-09-03", "2026-09-06"}
    for day in changed:
        assert after[day]["citation"].endswith("；《国务院关于2026年9月3日调休放假的通知》（国发明电〔2026〕1号）")
    (told,) = [envelope.data for envelope in await catalog.emitted(CalendarPublished)]
    assert isinstance(told, CalendarPublished)
    (earlier,) = told.earlier_papers
    assert (told.title, earlier.issued) == (CHANGED_2026["title"], date(2025, 11, 4))
    assert set(earlier.days) == {*told.holidays, *told.make_up_days} - {date(2026, 9, 3), date(2026, 9, 6)}


async def test_a_version_that_changes_no_day_sets_its_own_paper_right_and_no_other(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 2))
    ok(await publish(catalog, **CHANGED_2026 | {"number": "国发明电〔2026〕误号"}), 201)
    wrong = await days(catalog, "2026-01-01", "2026-12-31")
    ok(await publish(catalog, **CHANGED_2026), 201)
    right = await days(catalog, "2026-01-01", "2026-12-31")
    assert {day for day in wrong if wrong[day] != right[day]} == {"2026-09-03", "2026-09-06"}
    assert "国发明电〔2026〕1号" in right["2026-09-03"]["citation"]


async def test_a_second_local_paper_leaves_the_first_its_day(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 5, 1))
    listed = [{"name": "节", "first": day, "last": day} for day in ("2026-05-27", "2026-07-16")]
    local = {"agency_id": str(COUNTY), "local": True, "year": 2026, "make_up_days": [], "issued": "2026-04-30"}
    ok(await publish(catalog, **local, number="县1号", title="第一", holidays=listed[:1]), 201)
    ok(await publish(catalog, **local, number="县2号", title="第二", holidays=listed), 201)
    found = await days(catalog, "2026-05-27", "2026-07-16", agency_id=str(COUNTY))
    assert found["2026-05-27"]["citation"].endswith("；《第一》（县1号）")
    assert found["2026-07-16"]["citation"].endswith("；《第二》（县2号）")


async def test_local_days_are_those_of_the_agency(catalog: ServiceUnderTest) -> None:
    local = {
        "local": True,
        "year": 2026,
        "holidays": [{"name": "古尔邦节", "first": "2026-05-27", "last": "2026-05-27"}],
        "make_up_days": [],
    }
    ok(await publish(catalog, agency_id=str(COUNTY), **local), 201)
    asked = "2026-05-27", "2026-05-27"
    assert (await days(catalog, *asked, agency_id=str(BUREAU)))["2026-05-27"]["working"] is False
    assert (await days(catalog, *asked, agency_id=str(OTHER_COUNTY)))["2026-05-27"]["working"] is True
    assert (await days(catalog, *asked))["2026-05-27"]["working"] is True


async def test_a_bad_span_is_refused(catalog: ServiceUnderTest) -> None:
    async def asked(**params: str) -> Any:
        return await catalog.client.get("/calendar", params=params)

    refused(await asked(first="2026-02-02", last="2026-02-01"), 422, "bad_calendar_span")
    refused(await asked(first="2026-01-01", last="2028-01-01"), 422, "bad_calendar_span")
    refused(await asked(first="2001-01-01", last="2001-01-02"), 422, "outside_calendar")
    refused(await asked(first="2026-01-01", last="2026-01-02", known_on="2007-01-01"), 422, "outside_calendar")
