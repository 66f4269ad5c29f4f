"""A case from the citizen's application to the delivered reply, with the dates after each step."""

from datetime import date, timedelta

from shared.auth import Role
from shared.events import requests as events
from tests.kit.apps import ServiceUnderTest
from tests.service.requests.desk import (
    THURSDAY,
    act,
    calendar,
    done,
    get,
    register,
    replied,
    running_case,
    set_today,
    submit,
    uid,
)


async def test_an_online_case_runs_from_the_day_of_confirmation(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    receipt = await submit(requests)
    assert receipt["receipt_number"] == "11500000MB1670257B-2026-000001"
    assert (receipt["state"], receipt["received_on"], receipt["due_on"]) == ("awaiting_confirmation", None, None)

    await done(requests, receipt, "sign-for")
    await set_today(requests, date(2026, 6, 12))
    confirmation = {"on": "2026-06-12", "how": "电话", "with_whom": "申请人本人"}
    case = await done(requests, receipt, "confirmation", confirmation)
    assert (case["state"], case["received_on"]) == ("running", "2026-06-12")
    assert date.fromisoformat(case["due_on"]) == calendar().add_working_days(date(2026, 6, 12), 20)
    assert case["left"] == 20
    assert [type(e.data) for e in await requests.emitted()] == [
        events.ApplicationRegistered,
        events.ApplicationSignedFor,
        events.ApplicationConfirmed,
    ]


async def test_letters_count_from_their_own_days(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    earlier = date(2026, 6, 1)
    for channel, received in [
        ("counter", "2026-06-01"),
        ("post_registered", "2026-06-01"),
        ("post_ordinary", None),
        ("email", None),
        ("fax", None),
        ("online", None),
    ]:
        receipt = await register(requests, delivered_on=earlier, channel=channel)
        assert receipt["received_on"] == received, channel
        assert receipt["state"] == ("running" if received else "awaiting_confirmation")


async def test_correction_stops_and_restarts_the_clock(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 12))
    case = await running_case(requests, THURSDAY)
    notice = {"on": "2026-06-12", "items": "请写明年度。", "answer_within_working_days": 10}
    waiting = await done(requests, case, "correction-notice", notice)
    assert (waiting["state"], waiting["due_on"], waiting["left"]) == ("awaiting_correction", None, 20)
    assert waiting["correction_answer_by"] == calendar().add_working_days(date(2026, 6, 12), 10).isoformat()
    assert await requests.open_timers(uid(case)) == {}

    await set_today(requests, date(2026, 6, 23))
    content = {"title": "2025年供热管网改造验收报告", "description": "竣工验收报告。"}
    again = await done(requests, case, "correction", {"on": "2026-06-22", "content": content})
    assert (again["state"], again["title"]) == ("running", content["title"])
    assert date.fromisoformat(again["due_on"]) == calendar().add_working_days(date(2026, 6, 22), 20)
    assert again["correction_answer_by"] is None

    second = await act(requests, case, "correction-notice", notice | {"on": "2026-06-23"})
    assert (second.status_code, second.json()["code"]) == (409, "second_notice")


async def test_a_consultation_excludes_its_days(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 15))
    case = await running_case(requests, THURSDAY)
    letter = {"kind": "third_party", "consulted": "李四", "on": "2026-06-15", "delivered_on": "2026-06-15"}
    paused = await done(requests, case, "consultations", letter)
    (consultation,) = paused["consultations"]
    term = calendar().add_working_days(date(2026, 6, 15), 15)
    assert (paused["state"], paused["paused_until"]) == ("paused", term.isoformat())
    assert (consultation["consulted"], consultation["term_ends_on"]) == ("李*", term.isoformat())
    assert date.fromisoformat(paused["due_on"]) == calendar().add_working_days(THURSDAY, 35)

    await set_today(requests, date(2026, 6, 18))
    outcome = {"on": "2026-06-18", "opinion": "objects", "reason": "涉及商业秘密。"}
    case = await done(requests, case, f"consultations/{consultation['id']}/outcome", outcome)
    assert case["state"] == "running"
    assert date.fromisoformat(case["due_on"]) == calendar().add_working_days(THURSDAY, 23)
    assert case["consultations"][0]["opinion"] == "objects"


async def test_extension_needs_another_person_and_moves_the_due_day(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 15))
    case = await running_case(requests, THURSDAY)
    asked = await done(requests, case, "extension", {"working_days": 15, "reason": "调阅档案。"})
    assert asked["extensions"][0]["state"] == "requested"
    assert asked["due_on"] == case["due_on"]
    same = await act(requests, case, "extension/approval", {"approved": True}, role=Role.APPROVER, subject="clerk-1")
    assert (same.status_code, same.json()["code"]) == (403, "same_person")
    case = await done(requests, case, "extension/approval", {"approved": True}, role=Role.APPROVER)
    assert date.fromisoformat(case["due_on"]) == calendar().add_working_days(THURSDAY, 35)
    over = await act(requests, case, "extension", {"working_days": 6, "reason": "再延长。"})
    assert (over.status_code, over.json()["code"]) == (409, "extension_over_cap")
    (told,) = await requests.emitted(events.ApplicationExtended)
    assert (told.data.working_days, told.data.due_on.isoformat()) == (15, case["due_on"])  # type: ignore[attr-defined]


async def test_an_extension_told_in_time_and_noted_late_counts_from_its_own_day(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 15))
    case = await running_case(requests, THURSDAY)
    due = date.fromisoformat(case["due_on"])
    await set_today(requests, due + timedelta(days=1))
    case = await get(requests, case)
    asked = {"working_days": 15, "reason": "调阅档案。"}
    for day, status, code in [(None, 409, "extension_after_expiry"), (2, 422, "date_in_future")]:
        on = {} if day is None else {"on": (due + timedelta(days=day)).isoformat()}
        refused = await act(requests, case, "extension", asked | on)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    case = await done(requests, case, "extension", asked | {"on": due.isoformat()})
    assert (case["state"], case["extensions"][0]["told_on"]) == ("overdue", due.isoformat())
    case = await done(requests, case, "extension/approval", {"approved": True}, role=Role.APPROVER)
    assert date.fromisoformat(case["due_on"]) == calendar().add_working_days(THURSDAY, 35)
    assert case["state"] == "running"


async def test_a_reply_is_drafted_approved_and_delivered(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 6, 15))
    case = await running_case(requests, THURSDAY)
    closed = await replied(requests, case, new_document_title="供热管网改造公告", new_document_formed_on="2026-06-01")
    assert (closed["state"], closed["closed_on"]) == ("replied", "2026-06-15")
    assert closed["reply"]["remedy"].startswith("如对本答复不服，可以")
    assert closed["reply"]["delivery_label"] == "直接送达（签收之日）"
    assert await requests.open_timers(uid(case)) == {}
    (wanted,) = await requests.emitted(events.PublicationRequested)
    assert wanted.data.title == "供热管网改造公告"  # type: ignore[attr-defined]


async def test_a_late_reply_says_so(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 7, 20))
    case = await running_case(requests, THURSDAY)
    assert case["state"] == "overdue"
    assert (await replied(requests, case))["state"] == "replied_late"


async def test_withdrawal_and_abandonment_close_a_case(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    gone = await submit(requests)
    withdrawn = await done(requests, gone, "withdrawal", {"on": THURSDAY.isoformat(), "reason": "申请人书面撤回。"})
    assert (withdrawn["state"], withdrawn["closed_on"]) == ("withdrawn", THURSDAY.isoformat())

    case = await running_case(requests, THURSDAY)
    notice = {"on": THURSDAY.isoformat(), "items": "请写明年度。", "answer_within_working_days": 5}
    await done(requests, case, "correction-notice", notice)
    early = await act(requests, case, "abandonment", {"reason": "未补正。"})
    assert (early.status_code, early.json()["code"]) == (409, "correction_still_open")
    await set_today(requests, date(2026, 6, 22))
    assert (await done(requests, case, "abandonment", {"reason": "未补正。"}))["state"] == "abandoned"
    assert (await get(requests, case))["due_on"] is None
