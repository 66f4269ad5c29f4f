"""The rule rows over HTTP: listed with their citation, and every period of the law dated by the same two functions."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.catalog.service import SERVICE as CATALOG
from services.requests.service import SERVICE as REQUESTS
from services.sentiment.service import SERVICE as SENTIMENT
from shared.events.catalog import CalendarPublished
from tests.kit.apps import BUREAU, COUNTY, ServiceUnderTest, running
from tests.kit.postgres import ServiceDatabase

BY_NAME = {"catalog": CATALOG, "requests": REQUESTS, "sentiment": SENTIMENT}
PERIODS = {
    "catalog": [
        ("pub.limit", {"on": "2017-05-24"}, "2017-06-22"),
        ("pub.limit", {"on": "2019-02-25", "locality": "yanta"}, "2019-02-28"),
        ("sgs.credit", {"on": "2026-09-18"}, "2026-09-29"),
        ("budget.gov", {"on": "2026-09-12"}, "2026-10-08"),
        ("secret.leak", {"at": "2026-10-01T23:30:00+08:00"}, "2026-10-02T23:30:00+08:00"),
    ],
    "requests": [
        ("remedy.review", {"on": "2026-08-03"}, "2026-10-08"),
        ("remedy.sue", {"on": "2026-08-31"}, "2027-03-01"),
        ("remedy.sue.after_review", {"on": "2026-09-16"}, "2026-10-08"),
        ("fee.pay", {"on": "2026-09-01"}, "2026-10-08"),
        ("report.dept", {"on": "2026-11-22"}, "2027-01-31"),
        ("report.gov", {"on": "2026-11-22"}, "2027-03-31"),
        ("req.reply", {"on": "2026-09-18"}, "2026-10-22"),
    ],
    "sentiment": [
        ("yq.release", {"at": "2026-10-01T22:00:00+08:00"}, "2026-10-02T03:00:00+08:00"),
        ("msg.reply", {"on": "2026-09-18"}, "2026-09-29"),
        ("msg.reply.complex", {"on": "2026-09-18"}, "2026-10-15"),
    ],
}


@pytest.fixture(params=sorted(BY_NAME))
async def service(
    request: pytest.FixtureRequest, service_database: Callable[[str], ServiceDatabase]
) -> AsyncIterator[ServiceUnderTest]:
    """Each service that applies rules, in turn."""
    async with running(BY_NAME[request.param], service_database(request.param).url) as found:
        yield found


async def due(service: ServiceUnderTest, rule: str, **params: Any) -> httpx.Response:
    return await service.client.get(f"/statutes/{rule}/due", params=params)


async def test_rows_and_periods(service: ServiceUnderTest) -> None:
    rows = (await service.client.get("/statutes")).json()
    assert all(row["citation"] for row in rows)
    assert all(row["unconfirmed"] is (row["grade"] == "C") for row in rows)
    for rule, start, end in PERIODS[service.deps.service]:
        body = (await due(service, rule, **start)).json()
        last = body["due_on"] or body["due_at"]
        ends = datetime.fromisoformat(last) if body["due_at"] else last
        assert ends == (datetime.fromisoformat(end) if body["due_at"] else end), rule
        assert body["citation"], rule
    said = await due(service, PERIODS[service.deps.service][0][0])
    assert (said.status_code, said.json()["code"]) == (422, "not_a_period")
    unknown = await due(service, "no.such.rule", on="2026-01-05")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_rule")


@pytest.fixture
async def requests(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[ServiceUnderTest]:
    async with running(REQUESTS, service_database("requests").url) as found:
        yield found


async def test_a_date_says_that_it_is_provisional_and_a_row_that_it_is_unconfirmed(requests: ServiceUnderTest) -> None:
    sue = (await due(requests, "remedy.sue", on="2026-08-31")).json()
    assert (sue["due_on"], sue["provisional"], sue["unconfirmed"]) == ("2027-03-01", True, False)
    # A fixed day of the year is no count of days: no notice moves it.
    report = (await due(requests, "report.dept", on="2026-11-22")).json()
    assert (report["due_on"], report["provisional"]) == ("2027-01-31", False)
    # It obeys the law of that day: report year 2019 is the first under the new text.
    first = (await due(requests, "report.dept", on="2019-06-01")).json()
    assert first["due_on"] == "2020-01-31"
    assert (await due(requests, "report.all.2007", on="2019-06-01")).status_code == 404
    fee = (await due(requests, "fee.pay", on="2026-09-01")).json()
    assert (fee["provisional"], fee["unconfirmed"]) == (False, True)
    assert "待确认" in fee["citation"]
    for rule, start in (("fee.effect", {"on": "2026-09-01"}), ("req.reply", {"at": "2026-09-01T00:00:00+08:00"})):
        said = await due(requests, rule, **start)
        assert (said.status_code, said.json()["code"]) == (422, "not_a_period"), rule
    late = await due(requests, "req.reply", on="2199-01-05")
    assert (late.status_code, late.json()["code"]) == (422, "outside_calendar")


@pytest.fixture
async def sentiment(service_database: Callable[[str], ServiceDatabase]) -> AsyncIterator[ServiceUnderTest]:
    async with running(SENTIMENT, service_database("sentiment").url) as found:
        yield found


async def test_a_notice_makes_the_days_of_a_message_certain(sentiment: ServiceUnderTest) -> None:
    before = (await due(sentiment, "msg.reply", on="2026-12-28")).json()
    assert (before["due_on"], before["provisional"]) == ("2027-01-07", True)
    notice = CalendarPublished(
        year=2027,
        version=1,
        notice_number="国办发明电〔2026〕9号",
        notice_date=date(2026, 11, 20),
        holidays=(date(2027, 1, 1), date(2027, 1, 4)),
        make_up_days=(),
        effective_from=datetime(2026, 11, 20, tzinfo=UTC),
        local_agency_id=None,
    )
    await sentiment.consume(notice, subject=UUID(int=2), agency_id=COUNTY)
    after = (await due(sentiment, "msg.reply", on="2026-12-28")).json()
    assert (after["due_on"], after["provisional"]) == ("2027-01-08", False)


async def test_a_period_at_an_agency_knows_its_local_holidays(requests: ServiceUnderTest) -> None:
    local = CalendarPublished(
        year=2026,
        version=1,
        notice_number="县府发〔2026〕3号",
        notice_date=date(2026, 1, 5),
        holidays=(date(2026, 9, 21),),
        make_up_days=(),
        effective_from=datetime(2026, 1, 5, tzinfo=UTC),
        local_agency_id=COUNTY,
    )
    await requests.consume(local, subject=UUID(int=1), agency_id=COUNTY)
    there = (await due(requests, "req.correct.notice", on="2026-09-18", agency_id=str(BUREAU))).json()
    elsewhere = (await due(requests, "req.correct.notice", on="2026-09-18")).json()
    assert (there["due_on"], elsewhere["due_on"]) == ("2026-09-30", "2026-09-29")
