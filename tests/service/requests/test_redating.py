"""A holiday notice dates open cases anew: in the background, each once, only those that change, and resumably."""

import asyncio
import sys
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.requests.desk import Desk
from services.requests.redating.commands import redate_chunk
from services.requests.redating.tasks import redate_all
from shared.auth import Role
from shared.calendar import end_of_day
from shared.db.ids import uuid7
from shared.db.uow import Actor
from shared.events import requests as events
from shared.events.catalog import CalendarPublished
from tests.kit.apps import COUNTY, OTHER_COUNTY, ServiceUnderTest
from tests.service.requests.desk import THURSDAY, done, get, replied, running_case, set_today, submit, uid


def days(first: str, count: int) -> list[date]:
    return [date.fromisoformat(first) + timedelta(days=n) for n in range(count)]


NOTICE_2027 = {
    "year": 2027,
    "notice_number": "国办发明电〔2026〕9号",
    "notice_date": date(2026, 12, 8),
    "holidays": (
        *days("2027-01-01", 3),
        *days("2027-02-05", 7),
        *days("2027-04-03", 3),
        *days("2027-05-01", 3),
        *days("2027-06-09", 1),
        *days("2027-09-15", 1),
        *days("2027-10-01", 7),
    ),
    "make_up_days": (date(2027, 2, 14), date(2027, 2, 20), date(2027, 9, 26)),
}
SYSTEM = Actor.system("requests")


def notice(version: int = 1, **changes: Any) -> CalendarPublished:
    values = NOTICE_2027 | {"version": version, "effective_from": datetime(2026, 12, 8, tzinfo=UTC)} | changes
    return CalendarPublished.model_validate(values)


async def publish(service: ServiceUnderTest, event: CalendarPublished) -> None:
    await service.consume(event, subject=UUID(int=event.year), agency_id=COUNTY)


async def redate(service: ServiceUnderTest) -> int:
    return await redate_all(service.deps.db, Desk.of(service.deps))


@pytest.fixture
def service_url(december: ServiceUnderTest) -> str:
    """Where another process reaches this test's database."""
    return december.deps.db.url


@pytest.fixture
async def december(requests: ServiceUnderTest) -> ServiceUnderTest:
    await set_today(requests, date(2026, 12, 10))
    return requests


async def test_a_provisional_case_becomes_certain(december: ServiceUnderTest) -> None:
    case = await running_case(december)
    certain = await running_case(december, date(2026, 11, 20))
    assert (case["provisional"], certain["provisional"]) == (True, False)
    await publish(december, notice())
    assert await redate(december) == 1
    after = await get(december, case)
    assert (after["provisional"], after["version"]) == (False, case["version"] + 1)
    assert (await december.open_timers(uid(case)))["overdue"] == end_of_day(date.fromisoformat(after["due_on"]))
    (told,) = await december.emitted(events.ApplicationRedated)
    assert told.subject == uid(case)
    assert told.data.due_on_before == date.fromisoformat(case["due_on"])  # type: ignore[attr-defined]
    assert (await get(december, certain))["version"] == certain["version"]
    assert "application.redated" in await december.audited(uid(case))
    assert "application.redated" not in await december.audited(uid(certain))


async def test_a_changed_notice_moves_open_cases_and_never_closed_ones(december: ServiceUnderTest) -> None:
    await publish(december, notice())
    open_case, closed = await running_case(december), await running_case(december)
    closed = await replied(december, closed)
    waiting, unconfirmed = await running_case(december), await submit(december)
    await done(december, waiting, "correction-notice", {"on": "2026-12-10", "items": "请写明年度。"})
    more = (*NOTICE_2027["holidays"], date(2027, 1, 4))  # type: ignore[misc]
    await publish(december, notice(2, holidays=more))
    await redate(december)
    moved = await get(december, open_case)
    assert moved["due_on"] > open_case["due_on"]
    assert (await get(december, closed))["version"] == closed["version"]
    assert len(await december.emitted(events.ApplicationRedated)) == 1
    assert (await get(december, unconfirmed))["version"] == unconfirmed["version"]


async def test_a_term_that_rests_on_the_year_to_come_says_so(december: ServiceUnderTest) -> None:
    case = await running_case(december)
    letter = {"kind": "third_party", "consulted": "李明", "on": "2026-12-10", "delivered_on": "2026-12-10"}
    asked = await done(december, case, "consultations", letter)
    (before,) = asked["consultations"]
    assert (before["term_ends_on"], before["term_provisional"]) == ("2026-12-31", True)
    assert (asked["paused_until"], asked["pause_provisional"]) == ("2026-12-31", True)
    await publish(december, notice())
    await redate(december)
    after = await get(december, case)
    assert (after["pause_provisional"], after["consultations"][0]["term_provisional"]) == (False, False)


async def test_the_same_notice_again_changes_nothing(december: ServiceUnderTest) -> None:
    await running_case(december)
    await publish(december, notice())
    await redate(december)
    await publish(december, notice())
    assert await redate(december) == 0
    assert len(await december.emitted(events.ApplicationRedated)) == 1


async def test_a_job_is_done_in_chunks_each_case_once(december: ServiceUnderTest) -> None:
    cases = [await running_case(december) for _ in range(7)]
    await publish(december, notice())
    desk = Desk.of(december.deps)
    small = Desk(desk.settings.model_copy(update={"redating_chunk": 3}), desk.rules, desk.vault)
    with pytest.raises(RuntimeError):
        async with december.deps.db.write(SYSTEM) as uow:
            await redate_chunk(uow, small)
            raise RuntimeError("killed before the commit")
    assert await december.emitted(events.ApplicationRedated) == []
    async with december.deps.db.write(SYSTEM) as uow:
        assert await redate_chunk(uow, small)
    assert len(await december.emitted(events.ApplicationRedated)) == 3
    assert await redate_all(december.deps.db, small) == 2
    told = [envelope.subject for envelope in await december.emitted(events.ApplicationRedated)]
    assert sorted(told) == sorted(uid(case) for case in cases)


MANY = """
    INSERT INTO applications (id, agency_id, version, receipt_number, code_hash, recipient_ref, channel, applicant_kind,
        applicant_masked, personal_sealed, content_sealed, id_number_blind, form_wanted, obtain_by, registered_at,
        registered_by, delivered_on, received_on, state, due_on, provisional, left_days)
    SELECT md5('a' || n)::uuid, agency_id, 1, 'X-' || n, code_hash, md5('r' || n)::uuid, channel, applicant_kind,
        applicant_masked, personal_sealed, content_sealed, id_number_blind, form_wanted, obtain_by, registered_at,
        registered_by, delivered_on, received_on, state, due_on, provisional, left_days
    FROM applications, generate_series(1, :more) n
"""


async def test_a_killed_worker_loses_nothing_and_doubles_nothing(december: ServiceUnderTest, service_url: str) -> None:
    """Three workers one after the other, the first two killed with -9 in the middle of their work."""
    await running_case(december)
    async with december.write() as uow:
        await uow.session.execute(text(MANY), {"more": 599})
    await publish(december, notice())
    worker = [sys.executable, "-m", "tests.service.requests.redating_worker", service_url, "20"]
    for kills in (True, True, False):
        process = await asyncio.create_subprocess_exec(*worker, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        if kills:
            for _ in range(4):
                assert await process.stdout.readline() == b"chunk\n"
            process.kill()
        await process.communicate()
    told = [envelope.subject for envelope in await december.emitted(events.ApplicationRedated)]
    assert len(told) == 600
    assert len(set(told)) == 600
    async with december.deps.db.read() as session:
        dues = await session.execute(text("SELECT count(*), count(DISTINCT due_on) FROM applications"))
        still = await session.execute(text("SELECT count(*) FROM applications WHERE provisional"))
        job = (await session.execute(text("SELECT looked_at, changed, finished_at FROM redatings"))).one()
    assert dues.one() == (600, 1)
    assert still.scalar_one() == 0
    assert (job.looked_at, job.changed, job.finished_at is not None) == (600, 600, True)


async def test_two_workers_share_one_job(december: ServiceUnderTest) -> None:
    for _ in range(3):
        await running_case(december)
    await publish(december, notice())
    desk = Desk.of(december.deps)
    async with december.deps.db.write(SYSTEM) as first, december.deps.db.write(SYSTEM) as second:
        assert await redate_chunk(first, desk) is True
        assert await redate_chunk(second, desk) is False
    assert len(await december.emitted(events.ApplicationRedated)) == 3


async def test_a_local_holiday_moves_only_the_agencies_below(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    ours, theirs = await running_case(requests), await submit(requests, agency_id=str(OTHER_COUNTY))
    clerk = requests.staff(Role.CLERK, OTHER_COUNTY)
    path = f"/applications/{theirs['id']}"
    await requests.client.post(f"{path}/sign-for", headers=clerk | {"If-Match": '"1"'})
    confirmed = {"on": THURSDAY.isoformat(), "how": "电话", "with_whom": "申请人"}
    before = await requests.client.post(f"{path}/confirmation", json=confirmed, headers=clerk | {"If-Match": '"2"'})
    local = notice(
        year=2026,
        notice_number="县府发〔2026〕3号",
        notice_date=date(2026, 1, 5),
        holidays=(date(2026, 6, 17),),
        make_up_days=(),
        local_agency_id=COUNTY,
    )
    await publish(requests, local)
    await redate(requests)
    assert (await get(requests, ours))["due_on"] > ours["due_on"]
    assert (await requests.client.get(path, headers=clerk)).json() == before.json()
    ledger = await requests.client.get(f"/applications/{ours['id']}/clock", headers=requests.staff(Role.CLERK))
    day = next(day for day in ledger.json()["ledger"] if day["on"] == "2026-06-17")
    assert (day["counted"], day["reason"]) == (False, "holiday")
    assert "县府发〔2026〕3号" in day["citation"]


async def test_an_event_for_an_unknown_local_agency_does_no_harm(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    await publish(requests, notice(year=2026, holidays=(date(2026, 6, 17),), make_up_days=(), local_agency_id=uuid7()))
    await redate(requests)
    assert await get(requests, case) == case
