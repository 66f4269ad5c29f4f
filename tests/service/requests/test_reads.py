"""Lists, details, clock, status page, contacts and gauges: what each reader sees, and what never leaves."""

import json
import re
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import event, text

from shared.auth import Role
from shared.db.ids import uuid7
from shared.events.catalog import DocumentPublished
from shared.events.notify import NoticeDelivered, NoticeFailed
from shared.events.requests import ApplicationDocumentPublished
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest
from tests.service.requests.desk import (
    ADDRESS,
    EMAIL,
    ID_NUMBER,
    NAME,
    PHONE,
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
    today,
    uid,
)

SECRETS = (NAME, ID_NUMBER, PHONE, EMAIL, ADDRESS)


@pytest.fixture
async def desk(requests: ServiceUnderTest) -> ServiceUnderTest:
    """The service on a Thursday in June."""
    await set_today(requests, THURSDAY)
    return requests


async def listed(service: ServiceUnderTest, **params: Any) -> list[str]:
    response = await service.client.get("/applications", params=params, headers=service.staff(Role.CLERK))
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_lists_by_state_bucket_and_number(desk: ServiceUnderTest) -> None:
    overdue = (await running_case(desk, date(2026, 4, 1)))["id"]
    soon = (await running_case(desk, date(2026, 5, 19)))["id"]
    calm = await running_case(desk)
    online = (await submit(desk))["id"]
    late = (await replied(desk, await running_case(desk, date(2026, 4, 1))))["id"]
    assert await listed(desk) == [late, online, calm["id"], soon, overdue]
    assert await listed(desk, bucket="overdue") == [overdue]
    assert await listed(desk, bucket="due_soon") == [soon]
    assert await listed(desk, bucket="done_late") == [late]
    assert await listed(desk, state="overdue") == [overdue]
    assert await listed(desk, state="running") == [calm["id"], soon]
    assert await listed(desk, state="awaiting_confirmation") == [online]
    assert await listed(desk, state="replied_late") == [late]
    assert await listed(desk, due_before="2026-06-30") == [soon, overdue]
    assert await listed(desk, receipt_number=calm["receipt_number"]) == [calm["id"]]
    assert await listed(desk, agency_id=str(COUNTY)) == []
    others = await desk.client.get("/applications", headers=desk.staff(Role.CLERK, OTHER_COUNTY))
    assert others.json()["items"] == []


async def test_a_list_is_right_before_any_timer_fired(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    await set_today(desk, date(2026, 7, 31))
    assert await listed(desk, bucket="overdue") == [case["id"]]
    assert await listed(desk, state="running") == []
    response = await desk.client.get("/applications", headers=desk.staff(Role.CLERK))
    assert response.json()["items"][0]["state"] == "overdue"


@pytest.mark.parametrize(
    "params",
    [{"cursor": "x"}, {"cursor": "WzFd"}, {"limit": 0}, {"limit": 201}, {"state": "x"}, {"due_before": "soon"}],
)
async def test_wrong_parameters_are_400(desk: ServiceUnderTest, params: dict[str, Any]) -> None:
    response = await desk.client.get("/applications", params=params, headers=desk.staff(Role.CLERK))
    assert response.status_code == 400


async def test_pages_follow_each_other_at_a_constant_count_of_statements(desk: ServiceUnderTest) -> None:
    cases = [(await submit(desk))["id"] for _ in range(7)]
    counts: list[int] = []
    seen: list[str] = []
    statements = 0

    def count(*_: Any) -> None:
        nonlocal statements
        statements += 1

    event.listen(desk.deps.db.engine.sync_engine, "before_cursor_execute", count)
    path: str | None = "/applications?limit=3"
    while path is not None:
        statements = 0
        response = await desk.client.get(path, headers=desk.staff(Role.CLERK))
        counts.append(statements)
        seen += [item["id"] for item in response.json()["items"]]
        link = re.match(r'<([^>]+)>; rel="next"', response.headers.get("Link", ""))
        path = None if link is None else f"http://service.test{link[1]}"
    assert seen == cases[::-1]
    assert len(counts) == 3
    assert len(set(counts)) == 1


async def test_staff_see_personal_data_masked_and_opened_with_a_reason(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    read = await get(desk, receipt)
    assert read["applicant"]["id_number_plausible"] is True
    assert not [secret for secret in SECRETS if secret in json.dumps(read, ensure_ascii=False)]
    path = f"/applications/{receipt['id']}/personal-data"
    reason = {"reason": "邮寄答复"}
    opened = await desk.client.post(path, json=reason, headers=desk.staff(Role.CLERK))
    assert (opened.status_code, opened.json()["id_number"], opened.json()["phone"]) == (200, ID_NUMBER, PHONE)
    assert (await desk.client.post(path, json={}, headers=desk.staff(Role.CLERK))).status_code == 422
    assert (await desk.client.post(path, json=reason, headers=desk.staff(Role.SUPERVISOR))).status_code == 403
    assert (await desk.client.post(path, json=reason)).status_code == 401
    unknown = f"/applications/{uuid7()}/personal-data"
    assert (await desk.client.post(unknown, json=reason, headers=desk.staff(Role.CLERK))).status_code == 404
    assert (await desk.audited(uid(receipt)))[-1] == "application.personal_data_read"


async def test_no_table_event_or_log_holds_personal_data(desk: ServiceUnderTest, capfd: Any) -> None:
    case = await running_case(desk, description=f"本人{NAME}，身份证{ID_NUMBER}，电话{PHONE}。")
    letter = {"kind": "third_party", "consulted": "赵大海", "on": THURSDAY.isoformat()}
    case = await done(desk, case, "consultations", letter)
    opinion = {"on": THURSDAY.isoformat(), "opinion": "objects", "reason": "赵大海不同意。"}
    await done(desk, case, f"consultations/{case['consultations'][0]['id']}/outcome", opinion)
    notice = {"on": THURSDAY.isoformat(), "items": f"请核对身份证{ID_NUMBER}。"}
    await done(desk, case, "correction-notice", notice)
    await done(desk, case, "correction", {"on": THURSDAY.isoformat()})
    await replied(desk, case, content=f"{NAME}：见附件。")
    async with desk.deps.db.read() as session:
        tables = (await session.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars()
        dump = ""
        for table in list(tables):
            rows = (await session.execute(text(f'SELECT t::text FROM "{table}" t'))).scalars()
            dump += "\n".join(rows)
        bodies = await session.execute(text("SELECT convert_from(body, 'UTF8') || headers FROM outbox"))
        dump += "\n".join(bodies.scalars())
    dump += "".join(capfd.readouterr())
    assert "application.replied" in dump
    assert not [secret for secret in (*SECRETS, "赵大海") if secret in dump]


async def test_the_clock_names_every_day(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    read = await desk.client.get(f"/applications/{case['id']}/clock", headers=desk.staff(Role.CLERK))
    clock = read.json()
    assert (clock["state"], clock["due_on"], clock["allowed"], clock["left"]) == ("running", case["due_on"], 20, 20)
    days = clock["ledger"]
    assert (days[0]["on"], days[0]["reason"], days[-1]["on"]) == (THURSDAY.isoformat(), "receipt", case["due_on"])
    assert sum(day["counted"] for day in days) == 20
    assert all(day["citation"] and day["label"] for day in days)
    online = await submit(desk)
    waiting = await desk.client.get(f"/applications/{online['id']}/clock", headers=desk.staff(Role.CLERK))
    assert (waiting.json()["state"], waiting.json()["ledger"]) == ("awaiting_confirmation", [])
    sheet = await desk.client.get(f"/applications/{online['id']}/clock/sheet", headers=desk.staff(Role.CLERK))
    assert (sheet.status_code, sheet.json()["code"]) == (409, "receipt_unconfirmed")


async def test_the_sheet_is_a_pdf(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    sheet = await desk.client.get(f"/applications/{case['id']}/clock/sheet", headers=desk.staff(Role.CLERK))
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "application/pdf")
    assert sheet.content.startswith(b"%PDF-")


async def test_what_if_answers_and_writes_nothing(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    path = f"/applications/{case['id']}/clock/what-if"
    headers = desk.staff(Role.CLERK)
    imagined = {"events": [{"type": "extended", "on": "2026-06-20", "working_days": 10}]}
    answer = await desk.client.post(path, json=imagined, headers=headers)
    assert answer.json()["actual"]["due_on"] == case["due_on"]
    moved = calendar().add_working_days(THURSDAY, 30)
    assert answer.json()["hypothetical"]["due_on"] == moved.isoformat()
    assert await get(desk, case) == case
    for events, status, code in [
        ([{"type": "extended", "on": "2026-06-20", "working_days": 21}], 409, "extension_over_cap"),
        ([{"type": "extended", "on": "2026-06-20"}], 422, "validation_failed"),
        ([{"type": "replied", "on": "2031-01-01"}], 422, "validation_failed"),
        ([{"type": "replied", "on": "2026-06-01"}], 409, "out_of_order"),
        ([], 422, "validation_failed"),
    ]:
        refusal = await desk.client.post(path, json={"events": events}, headers=headers)
        assert (refusal.status_code, refusal.json()["code"]) == (status, code)
    online = await submit(desk)
    nothing = await desk.client.post(f"/applications/{online['id']}/clock/what-if", json=imagined, headers=headers)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "receipt_unconfirmed")


async def test_the_public_sees_a_case_with_number_and_code_only(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    number, code = receipt["receipt_number"], receipt["code"]
    typed = {"receipt_number": f" {number} ", "code": code.lower().replace("-", " ")}
    seen = await desk.client.post("/status", json=typed)
    assert seen.status_code == 200
    assert (seen.json()["state"], seen.json()["due_on"]) == ("running", receipt["due_on"])
    assert not [secret for secret in (*SECRETS, "经办甲", receipt["id"]) if secret in seen.text]
    wrong = await desk.client.post("/status", json={"receipt_number": number, "code": "AAAAA-AAAAA"})
    unknown = await desk.client.post("/status", json={"receipt_number": "X", "code": code})
    same = ("type", "title", "status", "code", "detail")
    assert (wrong.status_code, unknown.status_code) == (404, 404)
    assert [wrong.json()[key] for key in same] == [unknown.json()[key] for key in same]


async def test_the_status_page_is_chinese_and_self_contained(desk: ServiceUnderTest) -> None:
    receipt = await register(desk, title="<script>alert(1)</script>")
    await done(desk, receipt, "sign-for")
    await replied(desk, receipt, content="<b>全文</b>")
    form = await desk.client.get("http://service.test/status")
    assert (form.status_code, "受理编号" in form.text) == (200, True)
    typed = {"receipt_number": receipt["receipt_number"], "code": receipt["code"]}
    page = await desk.client.post("http://service.test/status", data=typed)
    assert page.status_code == 200
    for shown in ("已答复", "收到当日，不计入", "行政复议", "&lt;b&gt;全文"):
        assert shown in page.text
    assert "<script" not in page.text
    assert not re.findall(r'(?:src|href)="https?://(?!localhost)', page.text)
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    wrong = await desk.client.post("http://service.test/status", data=typed | {"code": "x"})
    assert (wrong.status_code, "请核对" in wrong.text) == (404, True)
    empty = await desk.client.post("http://service.test/status", data={})
    assert empty.status_code == 404


async def test_a_number_is_found_however_a_phone_writes_it(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    number = receipt["receipt_number"]
    for typed in (number.lower(), number.replace("-", "－"), "".join(chr(ord(c) + 0xFEE0) for c in number)):
        seen = await desk.client.post("/status", json={"receipt_number": typed, "code": receipt["code"]})
        assert seen.status_code == 200, typed


async def test_the_status_page_says_what_to_correct_until_it_is_corrected(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    await done(desk, receipt, "sign-for")
    day = str(await today(desk))
    await done(desk, receipt, "correction-notice", {"on": day, "items": "请写明<年度>。"})
    typed = {"receipt_number": receipt["receipt_number"], "code": receipt["code"]}
    page = (await desk.client.post("http://service.test/status", data=typed)).text
    assert '<th scope="row">需要补正</th><td>请写明&lt;年度&gt;。</td>' in page
    await done(desk, receipt, "correction", {"on": day})
    assert (await desk.client.post("/status", json=typed)).json()["correction_items"] is None


async def test_the_status_page_names_every_article(desk: ServiceUnderTest) -> None:
    receipt = await register(desk)
    await done(desk, receipt, "sign-for")
    typed = {"receipt_number": receipt["receipt_number"], "code": receipt["code"]}
    running = (await desk.client.post("http://service.test/status", data=typed)).text
    assert "2019年修订" in running and "剩余工作日" in running
    assert "应计 20 个工作日（《政府信息公开条例》（国令第711号）第三十三条）" in running
    partly = {"outcome": "partly_disclosed", "row": "3.2", "refused_row": "3.3.4", "grounds": "涉及第三方商业秘密。"}
    await replied(desk, receipt, **partly)
    page = (await desk.client.post("http://service.test/status", data=typed)).text
    assert "（国令第711号）第三十七条；不予公开的部分：第三十六条第三项、第十五条、第三十二条" in page
    assert "（依据：《行政复议法》（2023年修订）" in page
    assert "剩余工作日" not in page


async def test_guessing_codes_is_limited(service_database: Any) -> None:
    from services.requests.service import SERVICE
    from tests.kit.apps import running

    async with running(SERVICE, service_database("requests").url, public_requests_per_minute=5) as service:
        typed = {"receipt_number": "X", "code": "Y"}
        answers = [await service.client.post("/status", json=typed) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [404] * 5 + [429]
        assert int(answers[-1].headers["Retry-After"]) >= 1


async def test_contacts_are_for_notify_alone_and_audited(desk: ServiceUnderTest) -> None:
    receipt = await submit(desk)
    (registered,) = await desk.emitted()
    ref = registered.data.recipient_ref  # type: ignore[attr-defined]
    path = f"http://service.test/api/requests/internal/v1/contacts/{ref}"
    found = await desk.client.get(path, headers=desk.service("notify"))
    assert found.json() == {"name_masked": "王**", "email": EMAIL, "phone": PHONE}
    assert (await desk.client.get(path, headers=desk.service("catalog"))).status_code == 403
    assert (await desk.client.get(path, headers=desk.staff(Role.CLERK))).status_code == 401
    assert (await desk.client.get(path)).status_code == 401
    unknown = path.replace(str(ref), str(uuid7()))
    assert (await desk.client.get(unknown, headers=desk.service("notify"))).status_code == 404
    assert (await desk.audited(uid(receipt)))[-1] == "application.contact_read"


async def test_a_document_that_grew_out_of_a_case_is_told(desk: ServiceUnderTest) -> None:
    case = await replied(desk, await running_case(desk))
    document = DocumentPublished(
        document_id=uuid7(),
        title="供热管网改造公告",
        index_number="1150/2026-00001",
        document_number=None,
        agency_name="青山县应急管理局",
        url="http://localhost:8000/documents/2",
        changed_on=THURSDAY,
        origin_application_id=uid(case),
    )
    await desk.consume(document, subject=document.document_id)
    await desk.consume(document.model_copy(update={"origin_application_id": None}), subject=document.document_id)
    (told,) = await desk.emitted(ApplicationDocumentPublished)
    assert (told.subject, told.data.document_url) == (uid(case), document.url)  # type: ignore[attr-defined]
    read = await get(desk, case)
    assert (read["reply"]["published_title"], read["state"]) == ("供热管网改造公告", "replied")


async def test_proof_of_a_mail_goes_into_the_cases_trail(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    about = {"about": uid(case), "template": "application_extended", "at": await desk.now()}
    mail = NoticeDelivered(delivery_id=uuid7(), channel="mail", provider_message_id=f"250 Ok {EMAIL}", **about)
    lost = NoticeFailed(delivery_id=uuid7(), channel="mail", reason=f"550 {EMAIL} unknown", **about)
    inbox = mail.model_copy(update={"channel": "inbox"})
    elsewhere = mail.model_copy(update={"about": uuid7()})
    for told in (mail, lost, inbox, elsewhere):
        await desk.consume(told, subject=told.delivery_id)
    path = f"/applications/{case['id']}/timeline"
    trail = (await desk.client.get(path, headers=desk.staff(Role.CLERK))).json()["audit"][2:]
    assert [entry["action"] for entry in trail] == ["application.notice_delivered", "application.notice_failed"]
    assert EMAIL not in json.dumps(trail)
    assert "250 Ok" in trail[0]["details"]["proof"]


async def test_the_timeline_tells_who_did_what(desk: ServiceUnderTest) -> None:
    case = await running_case(desk)
    path = f"/applications/{case['id']}/timeline"
    told = (await desk.client.get(path, headers=desk.staff(Role.SUPERVISOR, COUNTY))).json()
    assert [entry["type"] for entry in told["history"]] == ["registered", "signed_for"]
    assert [entry["action"] for entry in told["audit"]] == ["application.registered", "application.signed_for"]
    assert told["history"][1]["recorder_name"] == "经办甲"


async def test_gauges_count_what_an_office_watches(desk: ServiceUnderTest) -> None:
    await running_case(desk, date(2026, 4, 1))
    await running_case(desk, date(2026, 5, 19))
    await submit(desk)
    await replied(desk, await running_case(desk))
    assert await desk.gauges() == {
        "applications_open": 3,
        "applications_due_soon": 1,
        "applications_overdue": 1,
        "applications_provisional": 0,
        "applications_awaiting_confirmation": 1,
    }


async def test_the_rules_and_tables_are_public(desk: ServiceUnderTest) -> None:
    rules = (await desk.client.get("/statutes")).json()
    assert {"req.reply", "req.extend"} <= {row["id"] for row in rules}
    assert all(row["citation"] for row in rules)
    rows = (await desk.client.get("/dispositions")).json()
    assert [row["row"] for row in rows if row["refusal"]] == [f"3.3.{n}" for n in range(1, 8)]


async def test_days_are_those_of_shanghai(desk: ServiceUnderTest) -> None:
    await set_today(desk, date(2026, 6, 12), time(0, 30))
    receipt = await register(desk)
    assert receipt["received_on"] == "2026-06-12"
    withdrawal = {"on": "2026-06-13", "reason": "撤回。"}
    assert await refused(desk, receipt, "withdrawal", withdrawal) == (422, "date_in_future")


async def test_the_same_applicant_is_noticed(desk: ServiceUnderTest) -> None:
    first = await submit(desk)
    second = await submit(desk)
    await submit(desk, applicant={"id_number": "110105194912310038"})
    assert (await get(desk, first))["applicant"]["other_applications"] == 1
    assert (await get(desk, second))["applicant"]["other_applications"] == 1
    assert str(BUREAU) == (await get(desk, second))["agency_id"]
