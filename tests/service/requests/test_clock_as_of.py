"""The clock as of a day that has passed, and what its sheet says beside the days."""

from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import text

from services.requests.applications.models import Application
from services.requests.applications.queries import view_of
from services.requests.clock.occurrences import occurrences, outcome
from services.requests.desk import Desk
from shared.auth import Role
from shared.db.uow import Actor
from tests.kit.apps import ServiceUnderTest
from tests.service.requests.desk import THURSDAY, calendar, done, replied, running_case, set_today, uid


@pytest.fixture
async def desk(requests: ServiceUnderTest) -> ServiceUnderTest:
    """The service on a Thursday in June."""
    await set_today(requests, THURSDAY)
    return requests


async def test_a_clock_is_read_as_of_any_day_since_the_receipt(desk: ServiceUnderTest) -> None:
    case = await running_case(desk, date(2026, 4, 1))
    due = date.fromisoformat(case["due_on"])
    late = await replied(desk, case)

    async def read(on: date | None, path: str = "clock") -> httpx.Response:
        params = {} if on is None else {"as_of": on.isoformat()}
        return await desk.client.get(
            f"/applications/{case['id']}/{path}", params=params, headers=desk.staff(Role.CLERK)
        )

    days = {due: "running", due + timedelta(days=1): "overdue", THURSDAY: "replied_late", None: "replied_late"}
    assert {day: (await read(day)).json()["state"] for day in days} == days
    assert (late["state"], (await read(due)).json()["as_of"]) == ("replied_late", due.isoformat())
    for on, code in ((date(2026, 3, 31), "date_before_receipt"), (date(2099, 1, 1), "date_in_future")):
        for path in ("clock", "clock/sheet"):
            refused = await read(on, path)
            assert (refused.status_code, refused.json()["code"]) == (422, code)
    assert (await read(None, "clock/sheet")).content != (await read(due, "clock/sheet")).content


async def test_the_sheet_says_what_moved_the_clock_and_how_late_the_reply_was(desk: ServiceUnderTest) -> None:
    case = await running_case(desk, date(2026, 4, 1))
    letter = {"kind": "third_party", "consulted": "李四", "on": "2026-04-08", "delivered_on": "2026-04-10"}
    asked = await done(desk, case, "consultations", letter)
    (consultation,) = asked["consultations"]
    opinion = {"on": "2026-04-20", "opinion": "agrees"}
    await done(desk, case, f"consultations/{consultation['id']}/outcome", opinion)
    closed = await replied(desk, case)
    async with desk.deps.db.read() as session:
        seen = await view_of(session, Desk.of(desk.deps), await session.get_one(Application, uid(case)))
    reading = seen.reading(Desk.of(desk.deps))
    assert reading is not None
    term = f"第 1 件，征求第三方意见；答复期限至 {consultation['term_ends_on']}"
    assert occurrences(seen, reading.as_of) == [
        ("2026-04-08", "发出征求意见书", term),
        ("2026-04-10", "征求意见书送达", term),
        ("2026-04-20", "收到意见", "第 1 件，征求第三方意见：同意公开"),
        (THURSDAY.isoformat(), "答复", "直接送达（签收之日）"),
    ]
    due = date.fromisoformat(closed["due_on"])
    late = f"{calendar().working_days_between(due, THURSDAY)} 个工作日（{(THURSDAY - due).days} 个自然日）"
    assert outcome(seen.facts, reading, calendar()) == [
        ("作出答复", "2026年6月11日，直接送达（签收之日）"),
        ("逾期", late),
    ]
    assert len(occurrences(seen, date(2026, 4, 9))) == 1


async def test_a_sheet_is_printed_of_a_correction_notice_that_holds_only_the_day_that_was_told(
    desk: ServiceUnderTest,
) -> None:
    """The first entries did not say how many working days were granted."""
    case = await running_case(desk, THURSDAY)
    await done(desk, case, "correction-notice", {"on": THURSDAY.isoformat(), "items": "请写明年份。"})
    async with desk.deps.db.write(Actor.system("requests")) as uow:
        told = "UPDATE case_events SET data = (data::jsonb - 'working_days')::text WHERE type = 'correction_notice'"
        await uow.session.execute(text(told))
    answer = await desk.client.get(f"/applications/{case['id']}/clock/sheet", headers=desk.staff(Role.CLERK))
    assert (answer.status_code, answer.content[:5]) == (200, b"%PDF-")
