"""Every route, and the failures a client can cause."""

import asyncio
from datetime import date
from typing import Any
from uuid import UUID

import pytest

from services.requests.applications.rules import Channel
from shared.auth import Role
from shared.db.ids import uuid7
from shared.events.requests import ApplicationRegistered
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.requests.desk import (
    THURSDAY,
    act,
    application,
    disclosed,
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

DAY = THURSDAY.isoformat()
CONFIRM = {"on": DAY, "how": "电话", "with_whom": "申请人"}
NOTICE = {"on": DAY, "items": "请写明年度。"}
LETTER = {"kind": "other_organ", "consulted": "县档案局", "on": DAY}
OPINION = {"on": DAY, "opinion": "agrees"}
EXTEND = {"working_days": 5, "reason": "调阅档案。"}
DECIDE = {"approved": True}
DELIVER = {"mode": "direct", "on": DAY, "proof": "回证1号"}
NOWHERE = "0191d000-0000-7000-8000-00000000dead"
REASON = {"reason": "理由。"}
ACTIONS: list[tuple[str, dict[str, Any] | None, Role]] = [
    ("sign-for", None, Role.CLERK),
    ("return", REASON, Role.CLERK),
    ("confirmation", CONFIRM, Role.CLERK),
    ("regulation", REASON | {"regulation": "PIR-2019"}, Role.APPROVER),
    ("withdrawal", REASON | {"on": DAY}, Role.CLERK),
    ("correction-notice", NOTICE, Role.CLERK),
    ("correction", {"on": DAY}, Role.CLERK),
    ("abandonment", REASON, Role.CLERK),
    ("consultations", LETTER, Role.CLERK),
    (f"consultations/{NOWHERE}/delivery", {"delivered_on": DAY}, Role.CLERK),
    (f"consultations/{NOWHERE}/outcome", OPINION, Role.CLERK),
    ("extension", EXTEND, Role.CLERK),
    ("extension/approval", DECIDE, Role.APPROVER),
    ("reply", disclosed(), Role.CLERK),
    ("reply/approval", DECIDE, Role.APPROVER),
    ("delivery", DELIVER, Role.CLERK),
]
READS = ("", "/timeline", "/clock", "/clock/sheet")


@pytest.fixture
async def desk(requests: ServiceUnderTest) -> ServiceUnderTest:
    """The service on a Thursday in June."""
    await set_today(requests, THURSDAY)
    return requests


async def test_an_action_is_refused_to_whoever_may_not(desk: ServiceUnderTest) -> None:
    receipt = await register(desk, channel="post_ordinary")
    for action, body, role in ACTIONS:
        path = f"/applications/{receipt['id']}/{action}"
        anonymous = await desk.client.post(path, json=body, headers={"If-Match": '"1"'})
        assert anonymous.status_code == 401, action
        wrong = Role.APPROVER if role is Role.CLERK else Role.CLERK
        for refused_role, agency in [(wrong, BUREAU), (Role.ADMIN, BUREAU), (role, OTHER_COUNTY)]:
            answer = await refused(desk, receipt, action, body, role=refused_role, agency=agency)
            assert answer == (403, "forbidden"), action
    assert (await get(desk, receipt))["version"] == 1


async def test_an_action_needs_the_version_that_the_caller_has_seen(desk: ServiceUnderTest) -> None:
    receipt = await register(desk, channel="post_ordinary")
    for action, body, role in ACTIONS:
        without = await desk.client.post(f"/applications/{receipt['id']}/{action}", json=body, headers=desk.staff(role))
        assert (without.status_code, without.json()["code"]) == (428, "if_match_missing"), action
        stale = await refused(desk, receipt, action, body, role=role, version=99)
        assert stale == (412, "version_mismatch"), action
        headers = desk.staff(role) | {"If-Match": '"1"'}
        unknown = await desk.client.post(f"/applications/{uuid7()}/{action}", json=body, headers=headers)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found"), action


async def test_a_closed_case_does_not_change(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    await done(desk, receipt, "withdrawal", REASON | {"on": DAY})
    before = await get(desk, receipt)
    for action, body, role in ACTIONS:
        assert await refused(desk, receipt, action, body, role=role) == (409, "case_closed"), action
    assert await get(desk, receipt) == before


async def test_nothing_is_handled_before_it_is_signed_for(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    for action, body, role in ACTIONS:
        if action not in ("sign-for", "withdrawal"):
            assert await refused(desk, receipt, action, body, role=role) == (409, "not_signed_for"), action


@pytest.mark.parametrize("action", ["correction-notice", "consultations", "extension", "reply"])
async def test_no_step_of_the_clock_before_the_receipt_day_is_known(desk: ServiceUnderTest, action: str) -> None:
    receipt = await register(desk, channel="post_ordinary")
    await done(desk, receipt, "sign-for")
    body = next(body for name, body, _ in ACTIONS if name == action)
    assert await refused(desk, receipt, action, body) == (409, "receipt_unconfirmed")


@pytest.mark.parametrize(
    ("action", "body", "key"),
    [
        ("confirmation", CONFIRM, "on"),
        ("withdrawal", REASON, "on"),
        ("correction-notice", NOTICE, "on"),
        ("consultations", LETTER, "on"),
        ("consultations", LETTER, "delivered_on"),
    ],
)
async def test_dates_lie_neither_in_the_future_nor_before_the_receipt(
    desk: ServiceUnderTest, action: str, body: dict[str, Any], key: str
) -> None:
    channel = "post_ordinary" if action == "confirmation" else "counter"
    receipt = await register(desk, channel=channel)
    await done(desk, receipt, "sign-for")
    assert await refused(desk, receipt, action, body | {key: "2026-06-12"}) == (422, "date_in_future")
    if key == "on":
        assert await refused(desk, receipt, action, body | {key: "2026-06-10"}) == (422, "date_before_receipt")


async def test_reads_are_for_the_agency_and_those_above_it(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    for suffix in READS:
        path = f"/applications/{receipt['id']}{suffix}"
        assert (await desk.client.get(path)).status_code == 401
        assert (await desk.client.get(path, headers=desk.staff(Role.CLERK, OTHER_COUNTY))).status_code == 403
        assert (await desk.client.get(path, headers=desk.staff(Role.ADMIN, BUREAU))).status_code == 403
        assert (await desk.client.get(path, headers=desk.staff(Role.SUPERVISOR, COUNTY))).status_code == 200
        unknown = f"/applications/{uuid7()}{suffix}"
        assert (await desk.client.get(unknown, headers=desk.staff(Role.CLERK))).status_code == 404


async def test_a_replayed_key_gives_the_same_bytes_and_one_case(desk: ServiceUnderTest) -> None:
    key, filed = new_key(), application()
    first, second = [await desk.client.post("/applications", json=filed, headers=key) for _ in range(2)]
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)
    assert len(await desk.emitted(ApplicationRegistered)) == 1
    body = filed | {"channel": "counter", "delivered_on": DAY}
    headers = desk.staff(Role.CLERK) | new_key()
    first, second = [await desk.client.post("/registrations", json=body, headers=headers) for _ in range(2)]
    assert (first.status_code, second.content) == (201, first.content)
    other = await desk.client.post("/registrations", json=body | {"title": "另一件"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_creating_without_a_key_is_400(desk: ServiceUnderTest) -> None:
    for path, body in [("/applications", {}), ("/registrations", {"channel": "counter", "delivered_on": DAY})]:
        answer = await desk.client.post(path, json=application() | body, headers=desk.staff(Role.CLERK))
        assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "  "},
        {"title": "火\u0000灾"},
        {"description": ""},
        {"due_on": DAY},
        {"agency_id": "none"},
        {"applicant": {"kind": "alien"}},
        {"applicant": {"id_number": "x"}},
        {"applicant": {"email": "nobody"}},
        {"applicant": {"phone": "abc"}},
        {"applicant": {"phone": None, "email": None, "address": None}},
        {"applicant": {"email": None}},
        {"obtain_by": "post", "applicant": {"address": None}},
    ],
)
async def test_what_cannot_be_filed_is_422(desk: ServiceUnderTest, changes: dict[str, Any]) -> None:
    answer = await desk.client.post("/applications", json=application(**changes), headers=new_key())
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


async def test_an_unknown_agency_is_503_and_leaves_nothing(desk: ServiceUnderTest) -> None:
    filed = application(agency_id=str(uuid7()))
    answer = await desk.client.post("/applications", json=filed, headers=new_key())
    assert (answer.status_code, answer.json()["code"]) == (503, "replica_not_ready")
    assert await desk.emitted() == []


async def test_a_closed_agency_takes_no_application(desk: ServiceUnderTest) -> None:
    from shared.events.catalog import AgencyUpserted

    closed = AgencyUpserted(code="X", name="旧局", parent_id=COUNTY, level="department", active=False)
    await desk.consume(closed, subject=BUREAU)
    answer = await desk.client.post("/applications", json=application(), headers=new_key())
    assert (answer.status_code, answer.json()["code"]) == (409, "agency_inactive")


@pytest.mark.parametrize(
    ("delivered_on", "code"), [("2026-06-12", "date_in_future"), ("2008-04-30", "date_before_law")]
)
async def test_a_letter_arrives_between_the_law_and_today(desk: ServiceUnderTest, delivered_on: str, code: str) -> None:
    body = application() | {"channel": "counter", "delivered_on": delivered_on}
    answer = await desk.client.post("/registrations", json=body, headers=desk.staff(Role.CLERK) | new_key())
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_only_the_agencys_clerk_registers(desk: ServiceUnderTest) -> None:
    body = application() | {"channel": "counter", "delivered_on": DAY}
    for headers, status in [
        ({}, 401),
        (desk.staff(Role.APPROVER), 403),
        (desk.staff(Role.CLERK, OTHER_COUNTY), 403),
        (desk.staff(Role.CLERK, COUNTY), 201),
    ]:
        answer = await desk.client.post("/registrations", json=body, headers=headers | new_key())
        assert answer.status_code == status


async def test_receipt_numbers_have_no_gap_under_concurrency(desk: ServiceUnderTest) -> None:
    refusals = [application(title="火\u0000灾"), application(agency_id=str(uuid7()))]
    filed = [*([application()] * 4), *refusals, *([application()] * 4)]
    answers = await asyncio.gather(*(desk.client.post("/applications", json=each, headers=new_key()) for each in filed))
    numbers = sorted(a.json()["receipt_number"] for a in answers if a.status_code == 201)
    assert numbers == [f"11500000MB1670257B-2026-{n:06d}" for n in range(1, 9)]


async def test_signing_twice_confirming_twice_returning_late(desk: ServiceUnderTest) -> None:
    receipt = await register(desk, channel="fax")
    await done(desk, receipt, "sign-for")
    assert await refused(desk, receipt, "sign-for") == (409, "already_signed_for")
    back = await done(desk, receipt, "return", REASON)
    assert (back["signed_for"], back["signed_for_by"]) == (False, None)
    await done(desk, receipt, "sign-for")
    await done(desk, receipt, "confirmation", CONFIRM)
    assert await refused(desk, receipt, "confirmation", CONFIRM) == (409, "receipt_already_known")
    assert await refused(desk, receipt, "return", REASON) == (409, "handling_has_begun")


async def test_what_the_clock_forbids_is_409_and_changes_nothing(desk: ServiceUnderTest) -> None:
    case = await running_case(desk, date(2026, 5, 25))
    late = await act(desk, case, "correction-notice", NOTICE)
    assert (late.status_code, late.json()["code"]) == (409, "correction_notice_late")
    assert await refused(desk, case, "correction", {"on": DAY}) == (409, "not_awaited")
    assert await refused(desk, case, "abandonment", REASON) == (409, "correction_not_awaited")
    assert await refused(desk, case, "extension", EXTEND | {"working_days": 21}) == (422, "validation_failed")
    assert await get(desk, case) == case
    overdue = await running_case(desk, date(2026, 4, 1))
    assert await refused(desk, overdue, "extension", EXTEND) == (409, "extension_after_expiry")


async def test_extensions_wait_for_one_decision(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    assert await refused(desk, case, "extension/approval", DECIDE, role=Role.APPROVER) == (409, "no_extension_pending")
    await done(desk, case, "extension", EXTEND)
    assert await refused(desk, case, "extension", EXTEND) == (409, "extension_pending")
    no = await done(desk, case, "extension/approval", {"approved": False, "note": "不必。"}, role=Role.APPROVER)
    assert (no["extensions"][0]["state"], no["due_on"]) == ("refused", case["due_on"])


async def test_consultations_are_the_cases_own(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    await done(desk, case, "consultations", LETTER)
    asked = await done(desk, case, "consultations", LETTER | {"kind": "joint_organ"})
    first, second = (part["id"] for part in asked["consultations"])
    objection = OPINION | {"opinion": "objects"}
    assert await refused(desk, case, f"consultations/{first}/outcome", objection) == (422, "reason_missing")
    await done(desk, case, f"consultations/{first}/outcome", OPINION)
    assert await refused(desk, case, f"consultations/{first}/outcome", OPINION) == (409, "consultation_over")
    known = {"delivered_on": DAY}
    delivered = await done(desk, case, f"consultations/{second}/delivery", known)
    assert delivered["consultations"][1]["delivered_on"] == DAY
    assert await refused(desk, case, f"consultations/{second}/delivery", known) == (409, "delivery_known")
    other = await running_case(desk)
    assert await refused(desk, other, f"consultations/{second}/outcome", OPINION) == (404, "not_found")


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (disclosed(row="3.4.1"), "row_does_not_fit"),
        (disclosed(row="3.9.9"), "row_does_not_fit"),
        ({"outcome": "refused", "row": "3.3.4"}, "grounds_missing"),
        ({"outcome": "disclosed", "row": "3.1"}, "information_missing"),
        (disclosed(outcome="partly_disclosed", row="3.2", grounds="商业秘密。"), "refused_row_missing"),
        (disclosed(new_document_title="公告", new_document_formed_on="2026-06-12"), "date_in_future"),
        (disclosed(row="三"), "validation_failed"),
        (disclosed(document_url="javascript:alert(1)"), "validation_failed"),
    ],
)
async def test_a_draft_contains_what_its_outcome_demands(
    desk: ServiceUnderTest, draft: dict[str, Any], code: str
) -> None:
    case = await running_case(desk)
    assert await refused(desk, case, "reply", draft) == (422, code)


async def test_a_reply_goes_from_draft_to_approval_to_delivery(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    assert await refused(desk, case, "reply/approval", DECIDE, role=Role.APPROVER) == (409, "no_draft")
    assert await refused(desk, case, "delivery", DELIVER) == (409, "reply_not_approved")
    await done(desk, case, "reply", disclosed())
    own = await refused(desk, case, "reply/approval", DECIDE, role=Role.APPROVER, subject="clerk-1")
    assert own == (403, "same_person")
    back = await done(desk, case, "reply/approval", {"approved": False, "note": "请补充。"}, role=Role.APPROVER)
    assert (back["reply"]["state"], back["reply"]["decision_note"]) == ("returned", "请补充。")
    await done(desk, case, "reply", disclosed(content="补充后的全文。"))
    await done(desk, case, "reply/approval", DECIDE, role=Role.APPROVER)
    assert await refused(desk, case, "reply", disclosed()) == (409, "reply_already_approved")
    assert await refused(desk, case, "delivery", DELIVER | {"mode": "courier"}) == (422, "validation_failed")
    by_post = DELIVER | {"mode": "post", "proof": " "}
    assert await refused(desk, case, "delivery", by_post) == (422, "proof_missing")
    closed = await done(desk, case, "delivery", by_post | {"proof": "EZ123456789CN"})
    assert (closed["state"], closed["reply"]["content"]) == ("replied", "补充后的全文。")


async def test_a_reply_is_not_delivered_before_it_was_decided(desk: ServiceUnderTest) -> None:
    case = await running_case(desk, date(2026, 6, 8))
    await done(desk, case, "reply", disclosed())
    await done(desk, case, "reply/approval", DECIDE, role=Role.APPROVER)
    early = DELIVER | {"on": "2026-06-10"}
    assert await refused(desk, case, "delivery", early) == (422, "delivered_before_decided")


async def test_the_regulation_may_be_chosen_with_a_reason(desk: ServiceUnderTest) -> None:
    case = await running_case(desk, date(2019, 5, 14))
    assert case["regulation"] == "PIR-2007"
    chosen = await done(desk, case, "regulation", REASON | {"regulation": "PIR-2019"}, role=Role.APPROVER)
    assert (chosen["regulation"], chosen["regulation_chosen"]) == ("PIR-2019", True)
    assert chosen["due_on"] > case["due_on"]


async def test_every_state_of_life_can_be_read(desk: ServiceUnderTest) -> None:
    closed = await replied(desk, await running_case(desk))
    for case in (await submit(desk), await register(desk, channel=Channel.FAX), closed):
        read = await get(desk, case)
        assert UUID(read["id"]) == uid(case)
        assert read["version"] == case["version"]
