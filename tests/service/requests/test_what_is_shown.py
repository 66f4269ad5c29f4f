"""What a case shows beside its dates: what is unconfirmed or provisional, how late it is, what was told and by whom."""

from datetime import date
from typing import Any

import pytest

from services.requests.applications.queries import entries_of
from services.requests.clock.queries import override
from services.requests.desk import Desk
from services.requests.redating.tasks import redate_all
from shared.auth import Role
from shared.db.ids import uuid7
from shared.events import requests as events
from tests.kit.apps import OTHER_COUNTY, ServiceUnderTest
from tests.service.requests.desk import (
    THURSDAY,
    calendar,
    done,
    get,
    refused,
    register,
    replied,
    running_case,
    set_today,
    submit,
    uid,
)
from tests.service.requests.test_redating import NOTICE_2027, notice, publish


@pytest.fixture
async def desk(requests: ServiceUnderTest) -> ServiceUnderTest:
    """The service on a Thursday in June."""
    await set_today(requests, THURSDAY)
    return requests


async def items(service: ServiceUnderTest, **params: Any) -> list[dict[str, Any]]:
    response = await service.client.get("/applications", params=params, headers=service.staff(Role.CLERK))
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


async def status(service: ServiceUnderTest, receipt: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What the applicant reads, as JSON and as a page."""
    typed = {"receipt_number": receipt["receipt_number"], "code": receipt["code"]}
    read = await service.client.post("/status", json=typed)
    page = await service.client.post("http://service.test/status", data=typed)
    assert (read.status_code, page.status_code) == (200, 200)
    return read.json(), page.text


async def test_a_date_that_rests_on_an_unconfirmed_rule_says_so_everywhere(desk: ServiceUnderTest) -> None:
    old, new = await register(desk, delivered_on=date(2018, 3, 1)), await register(desk)
    for receipt, unconfirmed in ((old, True), (new, False)):
        assert receipt["unconfirmed"] is unconfirmed
        assert (await get(desk, receipt))["unconfirmed"] is unconfirmed
        read, page = await status(desk, receipt)
        assert (read["unconfirmed"], read["clock"]["unconfirmed"]) == (unconfirmed, unconfirmed)
        assert ("所依条文待确认：" in page) is unconfirmed
    assert {item["id"]: item["unconfirmed"] for item in await items(desk)} == {old["id"]: True, new["id"]: False}


async def test_an_officers_choice_makes_a_date_unconfirmed(desk: ServiceUnderTest) -> None:
    """A restart under the text of 2007 is a reading: the row follows when the Regulation is chosen."""
    case = await running_case(desk, date(2026, 6, 9))
    await done(desk, case, "correction-notice", {"on": "2026-06-10", "items": "请写明年度。"})
    assert (await done(desk, case, "correction", {"on": THURSDAY.isoformat()}))["unconfirmed"] is False
    chosen = {"regulation": "PIR-2007", "reason": "2019年5月15日前已收到。"}
    assert (await done(desk, case, "regulation", chosen, role=Role.APPROVER))["unconfirmed"] is True
    assert [item["unconfirmed"] for item in await items(desk)] == [True]


async def test_the_event_of_an_unconfirmed_date_says_so(desk: ServiceUnderTest) -> None:
    """Its readers write to the applicant: they name no day without its reservation."""
    old, new = await running_case(desk, date(2026, 6, 9)), await running_case(desk, date(2026, 6, 9))
    chosen = {"regulation": "PIR-2007", "reason": "2019年5月15日前已收到。"}
    await done(desk, old, "regulation", chosen, role=Role.APPROVER)
    for case in (old, new):
        await done(desk, case, "correction-notice", {"on": "2026-06-10", "items": "请写明年度。"})
        await done(desk, case, "correction", {"on": THURSDAY.isoformat()})
    told = await desk.emitted(events.ApplicationCorrected)
    assert {event.data.receipt_number: event.data.unconfirmed for event in told} == {
        old["receipt_number"]: True,
        new["receipt_number"]: False,
    }


async def test_the_sheet_names_who_chose_the_regulation_and_why(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    for regulation, reason in (("PIR-2007", "暂按旧法。"), ("PIR-2019", "经研究改按新条例。")):
        await done(desk, case, "regulation", {"regulation": regulation, "reason": reason}, role=Role.APPROVER)
    async with desk.deps.db.read() as session:
        said = override(await entries_of(session, uid(case)), Desk.of(desk.deps))
    assert said == (
        "2026年6月11日由负责人甲决定适用《中华人民共和国政府信息公开条例》（2019年修订），理由：经研究改按新条例。"
    )
    sheet = await desk.client.get(f"/applications/{case['id']}/clock/sheet", headers=desk.staff(Role.CLERK))
    assert sheet.content.startswith(b"%PDF-")


async def test_a_list_by_due_day_and_how_late_a_case_is(desk: ServiceUnderTest) -> None:
    late = await running_case(desk, date(2026, 4, 1))
    calm = await running_case(desk)
    soon = await running_case(desk, date(2026, 5, 19))
    await submit(desk)
    closed = await replied(desk, await running_case(desk, date(2026, 4, 2)))
    found = await items(desk, sort="due_on")
    assert [item["id"] for item in found] == [late["id"], soon["id"], calm["id"]]
    days = calendar().working_days_between(date.fromisoformat(late["due_on"]), THURSDAY)
    assert [item["overdue_by"] for item in found] == [days, None, None]
    assert (days > 20, (await get(desk, late))["overdue_by"]) == (True, days)
    first, rest = await items(desk, sort="due_on", limit=1), await items(desk, sort="due_on", bucket="done_late")
    assert ([item["id"] for item in first], [item["id"] for item in rest]) == ([late["id"]], [closed["id"]])
    page = await desk.client.get("/applications?sort=due_on&limit=2", headers=desk.staff(Role.CLERK))
    after = page.json()["next_cursor"]
    assert [item["id"] for item in await items(desk, sort="due_on", limit=2, cursor=after)] == [calm["id"]]
    other = await desk.client.get(f"/applications?cursor={after}", headers=desk.staff(Role.CLERK))
    assert (other.status_code, other.json()["code"]) == (400, "bad_cursor")


async def test_nothing_is_left_of_a_closed_case(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    await done(desk, receipt, "sign-for")
    closed = await replied(desk, receipt)
    assert (closed["left"], closed["overdue_by"]) == (None, None)
    assert [item["left"] for item in await items(desk)] == [None]
    assert (await status(desk, receipt))[0]["left"] is None


@pytest.mark.parametrize(
    ("closing", "body", "state", "said"),
    [
        ("abandonment", {"reason": "未补正。"}, "abandoned", "逾期未补正，视为放弃申请"),
        ("withdrawal", {"on": "2026-09-09", "reason": "申请人书面撤回。"}, "withdrawn", "申请人已撤回"),
    ],
)
async def test_a_case_closed_while_a_correction_is_awaited_asks_for_nothing(
    desk: ServiceUnderTest, closing: str, body: dict[str, Any], state: str, said: str
) -> None:
    receipt = await register(desk)
    await done(desk, receipt, "sign-for")
    await done(desk, receipt, "correction-notice", {"on": THURSDAY.isoformat(), "items": "请写明年度。"})
    read, page = await status(desk, receipt)
    assert read["correction_answer_by"] == calendar().add_working_days(THURSDAY, 10).isoformat()
    assert f"请在 {read['correction_answer_by']} 前补正</td>" in page
    await set_today(desk, date(2026, 9, 9))
    await done(desk, receipt, closing, body)
    read, page = await status(desk, receipt)
    assert (read["state"], read["clock"]["state"], read["correction_answer_by"]) == (state, state, None)
    assert "答复期限</th><td>已办结，没有进行中的期限</td>" in page
    assert f"<caption>{said}；" in page, "the ledger, as the sheet, says what the case says"
    assert "前补正" not in page


async def test_a_day_to_correct_in_a_year_without_a_notice_is_provisional(desk: ServiceUnderTest) -> None:
    """Nobody has abandoned anything by it, and the notice that comes lengthens it."""
    await set_today(desk, date(2026, 12, 25))
    receipt = await register(desk)
    await done(desk, receipt, "sign-for")
    case = await done(desk, receipt, "correction-notice", {"on": "2026-12-25", "items": "请写明年度。"})
    read, page = await status(desk, receipt)
    for shown in (case, read):
        assert (shown["correction_answer_by"], shown["correction_answer_provisional"]) == ("2027-01-11", True)
    assert "请在 2027-01-11（暂定：相关年度的放假通知尚未发布） 前补正</td>" in page
    (told,) = await desk.emitted(events.CorrectionRequested)
    assert (told.data.answer_by, told.data.answer_provisional) == (date(2027, 1, 11), True)
    await set_today(desk, date(2027, 1, 12))
    assert await refused(desk, case, "abandonment", {"reason": "未补正。"}) == (409, "correction_still_open")
    await publish(desk, notice(holidays=(*NOTICE_2027["holidays"], date(2027, 1, 11))))  # type: ignore[misc]
    read, page = await status(desk, receipt)
    assert (read["correction_answer_by"], read["correction_answer_provisional"]) == ("2027-01-12", False)
    assert "请在 2027-01-12 前补正</td>" in page
    assert await refused(desk, case, "abandonment", {"reason": "未补正。"}) == (409, "correction_still_open")
    await set_today(desk, date(2027, 1, 13))
    assert (await done(desk, case, "abandonment", {"reason": "未补正。"}))["state"] == "abandoned"


async def test_an_abandoned_case_supposes_nothing(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    await done(desk, case, "correction-notice", {"on": THURSDAY.isoformat(), "items": "请写明年度。"})
    await set_today(desk, date(2026, 9, 9))
    await done(desk, case, "abandonment", {"reason": "未补正。"})
    imagined = {"events": [{"type": "corrected", "on": "2026-09-10"}]}
    path = f"/applications/{case['id']}/clock/what-if"
    refusal = await desk.client.post(path, json=imagined, headers=desk.staff(Role.CLERK))
    assert (refusal.status_code, refusal.json()["code"]) == (409, "after_close")


async def test_a_third_partys_name_is_read_back_and_the_reading_audited(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    asked = await done(
        desk, case, "consultations", {"kind": "third_party", "consulted": "赵大海", "on": THURSDAY.isoformat()}
    )
    (consultation,) = asked["consultations"]
    assert consultation["consulted"] == "赵**"
    path = f"/applications/{case['id']}/consultations/{consultation['id']}/personal-data"
    reason = {"reason": "寄送征求意见书"}

    async def read(headers: dict[str, str], body: dict[str, Any], at: str = path) -> tuple[int, Any]:
        response = await desk.client.post(at, json=body, headers=headers)
        return response.status_code, response.json()

    clerk = desk.staff(Role.CLERK)
    assert await read(clerk, reason) == (200, {"consulted": "赵大海"})
    assert (await desk.audited(uid(case)))[-1] == "application.consulted_read"
    assert (await read(clerk, {}))[0] == 422
    assert (await read({}, reason))[0] == 401
    assert (await read(desk.staff(Role.SUPERVISOR), reason))[0] == 403
    assert (await read(desk.staff(Role.CLERK, OTHER_COUNTY), reason))[0] == 403
    other = await running_case(desk)
    assert (await read(clerk, reason, path.replace(case["id"], other["id"])))[0] == 404
    assert (await read(clerk, reason, path.replace(case["id"], str(uuid7()))))[0] == 404


async def test_the_applicant_reads_the_title_and_what_an_extension_came_to(desk: ServiceUnderTest) -> None:
    receipt = await register(desk, title="供热<管网>报告")
    await done(desk, receipt, "sign-for")
    await done(desk, receipt, "extension", {"working_days": 10, "reason": "调阅档案。"})
    extended = await done(desk, receipt, "extension/approval", {"approved": True}, role=Role.APPROVER)
    letter = {"kind": "other_organ", "consulted": "县档案馆", "on": THURSDAY.isoformat()}
    await done(desk, receipt, "consultations", letter)
    await set_today(desk, date(2026, 6, 15))
    read, page = await status(desk, receipt)
    assert read["title"] == "供热<管网>报告"
    assert "供热&lt;管网&gt;报告" in page
    (told,) = [entry for entry in read["history"] if entry["type"] == "extended"]
    assert (told["extended_by"], told["due_on"], told["provisional"]) == (10, extended["due_on"], False)
    assert read["due_on"] > told["due_on"], "the consultation has moved it since"
    assert f"延长 10 个工作日，延长后的答复期限为 {extended['due_on']}</td>" in page
    assert {entry["extended_by"] for entry in read["history"] if entry["type"] != "extended"} == {None}


async def test_by_post_the_remedies_are_named_with_their_condition(desk: ServiceUnderTest) -> None:
    await set_today(desk, date(2026, 8, 3))
    receipt = await register(desk)
    await done(desk, receipt, "sign-for")
    draft = {"outcome": "disclosed", "row": "3.1", "content": "随附。", "document_title": "验收报告"}
    draft["document_url"] = "http://localhost:8000/documents/1"
    await done(desk, receipt, "reply", draft)
    await done(desk, receipt, "reply/approval", {"approved": True}, role=Role.APPROVER)
    await done(desk, receipt, "delivery", {"mode": "post", "on": "2026-08-03", "proof": "EMS 1号"})
    read, page = await status(desk, receipt)
    review, sue = read["reply"]["remedy_days"]
    assert (review["last"], review["not_before"], sue["provisional"]) == (None, "2026-10-08", True)
    assert "申请行政复议的最后一日</th><td>自签收之日起60日，当日不计入，不早于 2026-10-08（《" in page
    assert "提起行政诉讼的最后一日</th><td>自签收之日起6个月，当日不计入，不早于 2027-02-03（暂定" in page


async def test_a_term_that_ended_in_silence_on_a_provisional_day_runs_again(requests: ServiceUnderTest) -> None:
    """Its end rests on a year without a notice, and the notice that comes moves it past today."""
    await set_today(requests, date(2026, 12, 10))
    case = await running_case(requests)
    letter = {"kind": "joint_organ", "consulted": "县档案馆", "on": "2026-12-10", "delivered_on": "2026-12-10"}
    await done(requests, case, "consultations", letter)
    await set_today(requests, date(2027, 1, 1))
    await requests.fire_due_timers()
    (silent,) = (await get(requests, case))["consultations"]
    assert (silent["lapsed_on"], silent["term_provisional"]) == ("2026-12-31", True)
    assert silent["silence"].endswith("届满之日为暂定，放假通知发布后重新计算")
    off = (*NOTICE_2027["holidays"], date(2026, 12, 31))  # type: ignore[misc]
    await publish(requests, notice(holidays=off))
    await redate_all(requests.deps.db, Desk.of(requests.deps))
    (again,) = (await get(requests, case))["consultations"]
    assert (again["lapsed_on"], again["term_ends_on"], again["term_provisional"]) == (None, "2027-01-04", False)
    assert "暂定" not in again["silence"]
    await set_today(requests, date(2027, 1, 5))
    await requests.fire_due_timers()
    assert (await get(requests, case))["consultations"][0]["lapsed_on"] == "2027-01-04"
    assert (await requests.audited(uid(case))).count("application.consultation_lapsed") == 2
