"""Every staff route of the notify service, and the failures a client can cause."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from shared.auth import Role
from shared.db.ids import uuid7
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.notify.office import CASE, Office

RECIPIENT = {"agency_id": str(BUREAU), "role": "clerk", "name": "王工", "mail": "wang@example.gov.cn"}
CHANGE = {"name": "王工", "mail": "wang.new@example.gov.cn", "active": True}
TEXT = {"agency_id": str(BUREAU), "subject": "标题 {{ receipt_number }}", "body": "正文"}
TEMPLATE = "application.registered.applicant"


async def failed_mail(office: Office) -> dict[str, Any]:
    """Make a mail that its server refused, and return it."""
    await office.staff(mail="gone@example.gov.cn")
    office.smtp.answers("gone@example.gov.cn", "rcpt 550 5.1.1 no such user", "250 2.0.0 Ok: queued as 4F2A")
    await office.due_soon(3)
    await office.send()
    return await office.only(open_tasks=True)


async def test_an_address_is_shown_masked_and_kept_sealed(office: Office) -> None:
    registered = await office.staff(mail="wang@example.gov.cn", subject="wang-1")
    assert registered["mail_masked"] == "w***@example.gov.cn"
    async with office.notify.deps.db.read() as session:
        for table in ("recipients", "audit_entries", "idempotency_keys", "outbox"):
            rows = (await session.execute(text(f"SELECT t::text FROM {table} t"))).scalars()
            assert all("wang@example" not in row for row in rows), table


async def test_registering_recipients_and_its_failures(notify: ServiceUnderTest) -> None:
    async def post(body: dict[str, Any], headers: dict[str, str]) -> tuple[int, str]:
        response = await notify.client.post("/recipients", json=body, headers=headers)
        return response.status_code, response.json().get("code", "")

    admin = notify.staff(Role.ADMIN)
    key = new_key()
    first = await notify.client.post("/recipients", json=RECIPIENT, headers=admin | key)
    again = await notify.client.post("/recipients", json=RECIPIENT, headers=admin | key)
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert first.headers["Location"] == f"/api/notify/v1/recipients/{first.json()['id']}"
    assert await post(RECIPIENT | {"name": "李工"}, admin | key) == (422, "idempotency_key_reused")
    assert await post(RECIPIENT | {"mail": "WANG@example.gov.cn"}, admin | new_key()) == (409, "recipient_exists")
    assert await post(RECIPIENT, admin) == (400, "idempotency_key_missing")
    assert await post(RECIPIENT, new_key()) == (401, "unauthenticated")
    assert await post(RECIPIENT, notify.staff(Role.CLERK) | new_key()) == (403, "forbidden")
    assert await post(RECIPIENT, notify.staff(Role.ADMIN, OTHER_COUNTY) | new_key()) == (403, "forbidden")
    assert await post(RECIPIENT | {"agency_id": str(uuid7())}, admin | new_key()) == (503, "replica_not_ready")
    for wrong in ({"mail": "nobody"}, {"role": "king"}, {"name": ""}, {"phone": "1"}, {"subject": "\n"}):
        assert await post(RECIPIENT | wrong, admin | new_key()) == (422, "validation_failed")


async def test_reading_and_changing_a_recipient(office: Office) -> None:
    client, admin = office.notify.client, office.notify.staff(Role.ADMIN)
    clerk = await office.staff()
    url = f"/recipients/{clerk['id']}"
    read = await client.get(url, headers=admin)
    assert (read.status_code, read.headers["ETag"]) == (200, '"1"')
    changed = await client.put(url, json=CHANGE, headers=admin | {"If-Match": '"1"'})
    assert (changed.status_code, changed.json()["mail_masked"]) == (200, "w***@example.gov.cn")
    await office.due_soon(1)
    await office.send()
    assert [mail["To"] for mail in office.smtp.taken] == ["wang.new@example.gov.cn"]

    async def put(body: dict[str, Any], headers: dict[str, str], at: str = url) -> int:
        return (await client.put(at, json=body, headers=headers)).status_code

    match = {"If-Match": '"2"'}
    assert await put(CHANGE, admin) == 428
    assert await put(CHANGE, admin | {"If-Match": '"1"'}) == 412
    assert await put(CHANGE, match) == 401
    assert await put(CHANGE, office.notify.staff(Role.CLERK) | match) == 403
    assert await put(CHANGE | {"mail": "x"}, admin | match) == 422
    assert await put(CHANGE, admin | match, f"/recipients/{uuid7()}") == 404
    other = await office.staff(mail="zhao@example.gov.cn")
    taken = await client.put(f"/recipients/{other['id']}", json=CHANGE, headers=admin | {"If-Match": '"1"'})
    assert (taken.status_code, taken.json()["code"]) == (409, "recipient_exists")
    assert (await client.get(url)).status_code == 401
    assert (await client.get(url, headers=office.notify.staff(Role.ADMIN, OTHER_COUNTY))).status_code == 403
    assert (await client.get(f"/recipients/{uuid7()}", headers=admin)).status_code == 404
    assert await office.notify.audited(UUID(clerk["id"])) == ["recipient.registered", "recipient.changed"]


async def test_lists_of_recipients(office: Office) -> None:
    first = await office.staff(Role.CLERK)
    second = await office.staff(Role.APPROVER)
    await office.staff(Role.CLERK, OTHER_COUNTY)

    async def ids(role: Role = Role.ADMIN, agency: UUID = BUREAU, **params: Any) -> list[str]:
        headers = office.notify.staff(role, agency)
        listed = await office.notify.client.get("/recipients", params=params, headers=headers)
        return [item["id"] for item in listed.json()["items"]]

    assert await ids() == [first["id"], second["id"]]
    assert await ids(agency=COUNTY, role=Role.ADMIN) == [first["id"], second["id"]]
    assert await ids(Role.CLERK) == []
    headers = office.notify.staff(Role.ADMIN)
    page = await office.notify.client.get("/recipients", params={"role": "approver", "limit": 1}, headers=headers)
    assert [item["id"] for item in page.json()["items"]] == [second["id"]]
    assert (await office.notify.client.get("/recipients")).status_code == 401
    assert (await office.notify.client.get("/recipients", params={"role": "x"}, headers=headers)).status_code == 400


async def test_templates_are_shown_edited_and_previewed(notify: ServiceUnderTest) -> None:
    admin, at = notify.staff(Role.ADMIN), {"agency_id": str(BUREAU)}
    listed = await notify.client.get("/templates", params=at, headers=notify.staff(Role.CLERK))
    assert TEMPLATE in [item["id"] for item in listed.json()["items"]]
    preview = await notify.client.post(f"/templates/{TEMPLATE}/preview", json=TEXT, headers=admin)
    assert (preview.status_code, preview.json()["subject"]) == (200, "标题 〔receipt_number〕")
    for version in (1, 2):
        saved = await notify.client.post(
            f"/templates/{TEMPLATE}/versions", json=TEXT | {"body": f"第{version}版"}, headers=admin | new_key()
        )
        assert (saved.status_code, saved.json()["version"]) == (201, version)
    shown = (await notify.client.get(f"/templates/{TEMPLATE}", params=at, headers=admin)).json()
    assert (shown["version"], shown["body"]) == (2, "第2版")
    assert [row["version"] for row in shown["history"]] == [2, 1]
    above = await notify.client.get(
        f"/templates/{TEMPLATE}", params={"agency_id": str(COUNTY)}, headers=notify.staff(Role.ADMIN, COUNTY)
    )
    assert (above.json()["version"], above.json()["history"]) == (0, [])


async def test_two_editors_at_once_get_two_versions(notify: ServiceUnderTest) -> None:
    answers = await asyncio.gather(
        *(
            notify.client.post(
                f"/templates/{TEMPLATE}/versions", json=TEXT, headers=notify.staff(Role.ADMIN) | new_key()
            )
            for _ in range(3)
        )
    )
    assert sorted(answer.json()["version"] for answer in answers) == [1, 2, 3]


@pytest.mark.parametrize("action", ["versions", "preview"])
async def test_texts_that_are_refused(notify: ServiceUnderTest, action: str) -> None:
    admin = notify.staff(Role.ADMIN)

    async def post(body: dict[str, Any], headers: dict[str, str], template: str = TEMPLATE) -> tuple[int, str]:
        key = new_key() if action == "versions" else {}
        response = await notify.client.post(f"/templates/{template}/{action}", json=body, headers=headers | key)
        return response.status_code, response.json().get("code", "")

    for wrong in (
        {"subject": "{{ applicant_name }}"},
        {"body": "{% for i in range(9) %}{% endfor %}"},
        {"body": "{{ receipt_number"},
        {"subject": "{% if due_on == 'x' %}a{% endif %}"},
    ):
        assert await post(TEXT | wrong, admin) == (422, "template_refused")
    for wrong in ({"subject": "两\n行"}, {"body": ""}, {"version": 3}):
        assert await post(TEXT | wrong, admin) == (422, "validation_failed")
    assert await post(TEXT, admin, "application.unknown") == (404, "unknown_template")
    assert (await post(TEXT, admin, "No-Such"))[0] == 404
    assert await post(TEXT, {}) == (401, "unauthenticated")
    assert await post(TEXT, notify.staff(Role.CLERK)) == (403, "forbidden")
    assert await post(TEXT | {"agency_id": str(OTHER_COUNTY)}, admin) == (403, "forbidden")


async def test_reading_templates_and_its_failures(notify: ServiceUnderTest) -> None:
    for path in ("/templates", f"/templates/{TEMPLATE}"):
        at = {"agency_id": str(BUREAU)}
        assert (await notify.client.get(path, params=at)).status_code == 401
        assert (await notify.client.get(path, headers=notify.staff(Role.CLERK))).status_code == 400
        foreign = await notify.client.get(path, params=at, headers=notify.staff(Role.CLERK, OTHER_COUNTY))
        assert foreign.status_code == 403
    unknown = await notify.client.get("/templates/nothing", params=at, headers=notify.staff(Role.CLERK))
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_template")


async def test_a_failure_is_a_task_that_an_operator_sends_again(office: Office) -> None:
    task = await failed_mail(office)
    assert (await office.notify.gauges())["notices_failed"] == 1
    headers = office.notify.staff(Role.CLERK) | {"If-Match": f'"{task["version"]}"'}
    retried = await office.notify.client.post(f"/deliveries/{task['id']}/retry", headers=headers)
    assert (retried.status_code, retried.json()["state"]) == (200, "pending")
    await office.send()
    done = await office.delivery(task["id"])
    assert (done["state"], done["attempts"], done["message_id"]) == ("delivered", 2, task["message_id"])
    assert await office.deliveries(open_tasks=True) == []
    assert (await office.notify.gauges())["notices_failed"] == 0
    assert await office.notify.audited(UUID(task["id"])) == ["delivery.retried"]


async def test_a_failure_may_be_settled_in_another_way(office: Office) -> None:
    task = await failed_mail(office)
    note = {"note": "已电话告知。"}
    headers = office.notify.staff(Role.CLERK) | {"If-Match": f'"{task["version"]}"'}
    settled = await office.notify.client.post(f"/deliveries/{task['id']}/settlement", json=note, headers=headers)
    assert (settled.status_code, settled.json()["state"]) == (200, "failed")
    assert settled.json()["settlement"] == "已电话告知。"
    assert await office.deliveries(open_tasks=True) == []
    assert len(await office.deliveries(state="failed")) == 1
    newer = office.notify.staff(Role.CLERK) | {"If-Match": settled.headers["ETag"]}
    again = await office.notify.client.post(f"/deliveries/{task['id']}/settlement", json=note, headers=newer)
    assert (again.status_code, again.json()["code"]) == (409, "delivery_settled")


async def test_those_who_were_missing_are_told_after_all(office: Office) -> None:
    await office.due_soon(3)
    task = await office.only(open_tasks=True)
    assert task["recipient_roles"] == ["clerk"]

    async def retry(version: int) -> tuple[int, dict[str, Any]]:
        headers = office.notify.staff(Role.ADMIN) | {"If-Match": f'"{version}"'}
        answer = await office.notify.client.post(f"/deliveries/{task['id']}/retry", headers=headers)
        return answer.status_code, answer.json()

    status, problem = await retry(1)
    assert (status, problem["code"]) == (409, "still_nobody")
    await office.staff(mail="new@example.gov.cn", subject="new-1")
    status, body = await retry(1)
    assert (status, body["state"]) == (200, "superseded")
    await office.send()
    assert [mail["To"] for mail in office.smtp.taken] == ["new@example.gov.cn"]
    assert {(d["channel"], d["state"]) for d in await office.deliveries() if d["recipient_kind"] == "staff"} == {
        ("mail", "delivered"),
        ("inbox", "delivered"),
    }


@pytest.mark.parametrize("action", ["retry", "settlement"])
async def test_what_operators_cannot_do(office: Office, action: str) -> None:
    task = await failed_mail(office)
    note = {"note": "已告知。"}

    async def act(headers: dict[str, str], delivery: str = task["id"]) -> int:
        url = f"/deliveries/{delivery}/{action}"
        return (await office.notify.client.post(url, json=note, headers=headers)).status_code

    clerk, match = office.notify.staff(Role.CLERK), {"If-Match": f'"{task["version"]}"'}
    assert await act(clerk) == 428
    assert await act(match) == 401
    assert await act(clerk | {"If-Match": '"99"'}) == 412
    assert await act(office.notify.staff(Role.SUPERVISOR) | match) == 403
    assert await act(office.notify.staff(Role.CLERK, OTHER_COUNTY) | match) == 403
    assert await act(clerk | match, str(uuid7())) == 404
    assert await act(clerk | match, "one") == 404
    await office.due_soon(1)
    [waiting] = await office.deliveries(state="pending")
    assert await act(clerk | {"If-Match": '"1"'}, waiting["id"]) == 409


async def test_lists_of_deliveries(office: Office) -> None:
    await office.staff(subject="clerk-1")
    for days_left in (5, 3, 1):
        await office.due_soon(days_left)
    assert len(await office.deliveries()) == 6
    assert len(await office.deliveries(agency=COUNTY)) == 6
    assert len(await office.deliveries(Role.ADMIN)) == 6
    assert await office.deliveries(agency=OTHER_COUNTY) == []
    assert len(await office.deliveries(channel="inbox")) == 3
    assert len(await office.deliveries(state="superseded")) == 2
    assert len(await office.deliveries(about=str(CASE), agency_id=str(BUREAU))) == 6
    assert await office.deliveries(about=str(uuid7())) == []
    clerk = office.notify.staff(Role.CLERK)
    first = await office.notify.client.get("/deliveries", params={"limit": 4}, headers=clerk)
    following = first.headers["Link"].split(";")[0].strip("<>")
    second = await office.notify.client.get(f"http://service.test{following}", headers=clerk)
    assert len({item["id"] for item in first.json()["items"] + second.json()["items"]}) == 6
    assert (await office.notify.client.get("/deliveries")).status_code == 401
    assert (await office.notify.client.get("/deliveries", params={"state": "lost"}, headers=clerk)).status_code == 400
    [one, *_] = await office.deliveries()
    url = f"/deliveries/{one['id']}"
    assert (await office.notify.client.get(url)).status_code == 401
    foreign = await office.notify.client.get(url, headers=office.notify.staff(Role.CLERK, OTHER_COUNTY))
    assert foreign.status_code == 403
    assert (await office.notify.client.get(f"/deliveries/{uuid7()}", headers=clerk)).status_code == 404


async def test_a_page_costs_the_same_statements_however_long(office: Office) -> None:
    async def statements() -> int:
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        event.listen(office.notify.deps.db.engine.sync_engine, "before_cursor_execute", counted)
        await office.deliveries()
        event.remove(office.notify.deps.db.engine.sync_engine, "before_cursor_execute", counted)
        return count

    await office.due_soon(5)
    few = await statements()
    for _ in range(5):
        await office.due_soon(3)
    assert await statements() == few


async def test_everybody_reads_their_own_messages_only(office: Office) -> None:
    await office.staff(subject="clerk-1")
    await office.staff(Role.APPROVER, subject="approver-1")
    await office.due_soon(3)
    await office.due_soon(1)
    client, clerk = office.notify.client, office.notify.staff(Role.CLERK)
    messages = (await client.get("/inbox", headers=clerk)).json()["items"]
    assert [m["subject"] for m in messages] == [
        "距答复期限还有 1 个工作日：330106-2026-000001",
        "距答复期限还有 3 个工作日：330106-2026-000001",
    ]
    assert (await client.get("/inbox", headers=office.notify.staff(Role.APPROVER))).json()["items"] == []
    url = f"/inbox/{messages[0]['id']}/reading"
    read, again = [await client.post(url, headers=clerk) for _ in range(2)]
    assert read.json()["read_at"] is not None
    assert again.json() == read.json()
    assert (await client.get("/inbox/unread", headers=clerk)).json() == {"unread": 1}
    unread = (await client.get("/inbox", params={"unread": True}, headers=clerk)).json()["items"]
    assert [m["id"] for m in unread] == [messages[1]["id"]]
    assert (await client.post(url, headers=office.notify.staff(Role.APPROVER))).status_code == 404
    assert (await client.post(f"/inbox/{uuid7()}/reading", headers=clerk)).status_code == 404
    [mail] = await office.deliveries(channel="mail", state="pending")
    assert (await client.post(f"/inbox/{mail['id']}/reading", headers=clerk)).status_code == 404
    for path in ("/inbox", "/inbox/unread"):
        assert (await client.get(path)).status_code == 401
    assert (await client.post(url)).status_code == 401
    assert (await client.get("/inbox", params={"cursor": "x"}, headers=clerk)).status_code == 400
