"""What the preview of a notice says of the open cases is what publishing it then does, and nothing before."""

from datetime import date
from typing import Any

from sqlalchemy import text

from services.requests.desk import Desk
from services.requests.redating.queries import CASES_A_PAGE, LISTED_AT_MOST
from services.requests.redating.tasks import redate_all
from shared.auth import Role
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest
from tests.service.requests.desk import get, running_case, set_today
from tests.service.requests.test_redating import MANY, NOTICE_2027, notice, publish

ADDRESS = "/redatings/preview"
# Every day by itself: the paper names runs, the event single days.
PAPER: dict[str, Any] = {
    "agency_id": str(COUNTY),
    "year": 2027,
    "number": NOTICE_2027["notice_number"],
    "holidays": [{"name": "放假", "first": str(day), "last": str(day)} for day in NOTICE_2027["holidays"]],
    "make_up_days": [str(day) for day in NOTICE_2027["make_up_days"]],
}


async def test_it_foretells_what_publishing_does(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 12, 10))
    provisional = await running_case(requests)
    certain = await running_case(requests, date(2026, 11, 20))
    admin = requests.staff(Role.ADMIN, COUNTY)
    told = (await requests.client.post(ADDRESS, json=PAPER, headers=admin)).json()
    assert (told["looked_at"], told["moved_total"]) == (2, 1)
    elsewhere = PAPER | {"agency_id": str(OTHER_COUNTY)}
    there = await requests.client.post(ADDRESS, json=elsewhere, headers=requests.staff(Role.ADMIN, OTHER_COUNTY))
    unseen = {"looked_at": 0, "moved_total": 0, "moved_elsewhere": 1, "moved": []}
    assert (there.json(), told["moved_elsewhere"]) == (unseen, 0)
    (moved,) = told["moved"]
    assert moved["receipt_number"] == provisional["receipt_number"]
    assert (moved["due_on_before"], moved["provisional_before"]) == (provisional["due_on"], True)
    assert (await get(requests, provisional))["provisional"], "a preview writes nothing"

    await publish(requests, notice())
    assert await redate_all(requests.deps.db, Desk.of(requests.deps)) == 1
    after = await get(requests, provisional)
    assert (after["due_on"], after["provisional"]) == (moved["due_on_after"], moved["provisional_after"])
    assert (await get(requests, certain))["due_on"] == certain["due_on"]
    assert (await requests.client.post(ADDRESS, json=PAPER, headers=admin)).json()["moved"] == []


async def test_a_local_day_off_moves_only_the_cases_below_it(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 11, 20))
    case = await running_case(requests, date(2026, 11, 20))
    monday = {"name": "民族节日", "first": "2026-12-07", "last": "2026-12-07"}
    paper = PAPER | {"local": True, "year": 2026, "holidays": [monday], "make_up_days": []}
    here = await requests.client.post(ADDRESS, json=paper, headers=requests.staff(Role.ADMIN, COUNTY))
    assert [moved["application_id"] for moved in here.json()["moved"]] == [case["id"]]
    other = paper | {"agency_id": str(OTHER_COUNTY)}
    there = await requests.client.post(ADDRESS, json=other, headers=requests.staff(Role.ADMIN, OTHER_COUNTY))
    assert there.json()["moved"] == []


async def test_a_second_local_paper_takes_the_place_of_the_first(requests: ServiceUnderTest) -> None:
    """The day off that it does not repeat works again: the preview says which cases that shortens."""
    await set_today(requests, date(2026, 11, 20))
    local: dict[str, Any] = {"year": 2026, "make_up_days": (), "local_agency_id": COUNTY}
    await publish(requests, notice(1, holidays=(date(2026, 12, 7),), **local))
    case = await running_case(requests, date(2026, 11, 20))
    late = {"name": "民族节日", "first": "2026-12-25", "last": "2026-12-25"}
    paper = PAPER | {"local": True, "year": 2026, "holidays": [late], "make_up_days": []}
    told = (await requests.client.post(ADDRESS, json=paper, headers=requests.staff(Role.ADMIN, COUNTY))).json()
    (moved,) = told["moved"]
    assert (moved["due_on_before"], moved["due_on_after"]) == (case["due_on"], "2026-12-18")

    await publish(requests, notice(2, holidays=(date(2026, 12, 25),), **local))
    await redate_all(requests.deps.db, Desk.of(requests.deps))
    assert (await get(requests, case))["due_on"] == moved["due_on_after"]


async def test_every_open_case_is_looked_at_and_the_first_are_named(requests: ServiceUnderTest) -> None:
    """More than one page of the database, more than the answer lists: nothing is left out of the count."""
    await set_today(requests, date(2026, 12, 10))
    first = await running_case(requests)
    async with requests.write() as uow:
        await uow.session.execute(text(MANY), {"more": CASES_A_PAGE + 5})
    await running_case(requests, date(2026, 11, 20))
    told = (await requests.client.post(ADDRESS, json=PAPER, headers=requests.staff(Role.ADMIN, COUNTY))).json()
    assert (told["looked_at"], told["moved_total"]) == (CASES_A_PAGE + 7, CASES_A_PAGE + 6)
    assert len({moved["application_id"] for moved in told["moved"]}) == LISTED_AT_MOST
    assert {moved["due_on_before"] for moved in told["moved"]} == {first["due_on"]}


async def test_refusals(requests: ServiceUnderTest) -> None:
    async def status(body: dict[str, Any], headers: dict[str, str]) -> int:
        return (await requests.client.post(ADDRESS, json=body, headers=headers)).status_code

    admin = requests.staff(Role.ADMIN, COUNTY)
    assert await status(PAPER, {}) == 401
    assert await status(PAPER, requests.staff(Role.CLERK, BUREAU)) == 403
    assert await status(PAPER, requests.staff(Role.ADMIN, OTHER_COUNTY)) == 403
    assert await status(PAPER | {"make_up_days": ["2027-02-17"]}, admin) == 422, "a Wednesday works anyway"
    assert await status(PAPER | {"local": True}, admin) == 422, "a local paper makes no day work"
    assert await status(PAPER | {"due_on": "2027-01-01"}, admin) == 422
