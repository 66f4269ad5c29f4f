"""The calendar day by day, as it stands and as it was known on an earlier day."""

from datetime import date
from typing import Any

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
