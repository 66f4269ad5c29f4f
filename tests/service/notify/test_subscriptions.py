"""Subscriptions of the public: double opt-in, nothing to be learned, ended in one click."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from shared.db.ids import uuid7
from shared.events.catalog import DocumentPublished
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, new_key
from tests.service.notify.office import Office, link_in, subscribe

READER = "reader@example.cn"


async def ask(office: Office, mail: str = READER, agency: UUID = BUREAU) -> httpx.Response:
    body = {"agency_id": str(agency), "mail": mail}
    return await office.notify.client.post("/subscriptions", json=body, headers=new_key())


async def published(office: Office, agency: UUID = BUREAU) -> None:
    """Hand in that an agency published a document."""
    event = DocumentPublished(
        document_id=uuid7(),
        title="青山县2026年政务公开工作要点",
        index_number="QS/2026-00001",
        document_number=None,
        agency_name="青山县应急管理局",
        url="http://lantai.test/documents/1",
        changed_on=date(2026, 11, 22),
    )
    await office.notify.consume(event, subject=event.document_id, agency_id=agency)


async def test_nothing_is_sent_before_the_owner_confirms(office: Office) -> None:
    assert (await ask(office)).status_code == 202
    await published(office)
    await office.send()
    [question] = office.smtp.taken
    assert question["Subject"] == "请确认订阅：青山县应急管理局"
    link = link_in(question, "confirmation")
    opened = await office.notify.client.get(f"http://service.test{link}")
    assert opened.status_code == 200 and "确认订阅" in opened.text
    await published(office)
    assert await office.send() == 0, "opening the link must not confirm"
    assert (await office.notify.client.post(f"http://service.test{link}")).status_code == 200
    await published(office)
    await office.send()
    notice = office.smtp.taken[-1]
    assert notice["Subject"] == "青山县应急管理局发布：青山县2026年政务公开工作要点"
    assert "文号：无" in notice.get_content()


async def test_every_notice_ends_the_subscription_in_one_click(office: Office) -> None:
    await subscribe(office, READER)
    await published(office)
    await office.send()
    notice = office.smtp.taken[-1]
    assert notice["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = notice["List-Unsubscribe"].strip("<>").removeprefix("http://lantai.test")
    assert address == link_in(notice, "ending")
    await published(office)  # waits when the subscription ends
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for _ in range(2):
        ended = await office.notify.client.post(
            f"http://service.test{address}", content="List-Unsubscribe=One-Click", headers=form
        )
        assert ended.status_code == 200 and "订阅已取消" in ended.text
    taken = len(office.smtp.taken)
    await published(office)
    await office.send()
    assert len(office.smtp.taken) == taken
    assert [d["state"] for d in await office.deliveries() if "document" in d["template_id"]] == [
        "delivered",
        "superseded",
    ]


async def test_a_subscription_covers_the_agencies_below_and_one_mail_is_enough(office: Office) -> None:
    await subscribe(office, READER, COUNTY)
    await subscribe(office, READER, BUREAU)
    await subscribe(office, READER, OTHER_COUNTY)
    office.smtp.taken.clear()
    await published(office, BUREAU)
    await office.send()
    assert len(office.smtp.to(READER)) == 1


async def test_asking_teaches_nothing_and_bombs_nobody(office: Office) -> None:
    first = await ask(office)
    repeated = await ask(office)
    assert (repeated.status_code, repeated.json()) == (first.status_code, first.json())
    await office.send()
    assert len(office.smtp.taken) == 1
    await office.notify.shift_clock(timedelta(minutes=11))
    await ask(office)
    await office.send()
    assert len(office.smtp.taken) == 2, "a lost mail can be asked for again"
    confirmed = await office.notify.client.post(f"http://service.test{link_in(office.smtp.taken[-1], 'confirmation')}")
    assert confirmed.status_code == 200
    await office.notify.shift_clock(timedelta(minutes=11))
    subscribed = await ask(office, READER.upper())
    assert subscribed.json() == first.json()
    assert await office.send() == 0


async def test_the_api_confirms_and_ends_by_token(office: Office) -> None:
    await ask(office)
    await office.send()
    link = link_in(office.smtp.taken[0], "confirmation")
    subscription, token = link.split("/")[-2], link.rpartition("=")[2]
    client = office.notify.client

    async def post(action: str, body: dict[str, Any], at: str = subscription) -> tuple[int, str]:
        response = await client.post(f"/subscriptions/{at}/{action}", json=body)
        return response.status_code, response.json().get("code") or response.json()["state"]

    wrong = {"token": "0" * 64}
    assert await post("confirmation", wrong) == (404, "link_unknown")
    assert await post("confirmation", {"token": token}, str(uuid7())) == (404, "link_unknown")
    assert await post("ending", {"token": token}) == (404, "link_unknown")
    assert await post("confirmation", {"token": "short"}) == (422, "validation_failed")
    assert await post("confirmation", {"token": token}) == (200, "active")
    assert await post("confirmation", {"token": token}) == (200, "active")
    await published(office)
    await office.send()
    ending = link_in(office.smtp.taken[-1], "ending").rpartition("=")[2]
    assert await post("ending", {"token": ending}) == (200, "ended")
    assert await post("confirmation", {"token": token}) == (410, "link_expired")
    assert await office.notify.audited(UUID(subscription)) == [
        "subscription.requested",
        "subscription.confirmed",
        "subscription.ended",
    ]


async def test_a_link_expires_and_its_page_says_so(office: Office) -> None:
    await ask(office)
    await office.send()
    link = link_in(office.smtp.taken[0], "confirmation")
    await office.notify.shift_clock(timedelta(days=8))
    expired = await office.notify.client.post(f"http://service.test{link}")
    assert expired.status_code == 410 and "已过期" in expired.text
    forged = await office.notify.client.post(f"http://service.test{link[:-4]}0000")
    assert forged.status_code == 404 and "链接无效" in forged.text
    bare = await office.notify.client.post(f"http://service.test{link.partition('?')[0]}")
    assert bare.status_code == 404
    assert (await office.notify.client.get(f"http://service.test{link.replace('confirmation', 'ending')}")).is_success


async def test_asking_and_its_failures(office: Office) -> None:
    client = office.notify.client
    body = {"agency_id": str(BUREAU), "mail": READER}
    assert (await client.post("/subscriptions", json=body)).json()["code"] == "idempotency_key_missing"
    key = new_key()
    first, again = [await client.post("/subscriptions", json=body, headers=key) for _ in range(2)]
    assert (again.status_code, again.content) == (202, first.content)
    for wrong in ({"mail": "x"}, {"mail": "a@b.cn\n"}, {"name": "x"}):
        refused = await client.post("/subscriptions", json=body | wrong, headers=new_key())
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert (await ask(office, agency=uuid7())).status_code == 503


async def test_no_address_and_no_token_is_stored_in_clear(office: Office) -> None:
    await subscribe(office, READER)
    tokens = [link_in(office.smtp.taken[0], "confirmation").rpartition("=")[2]]
    async with office.notify.deps.db.read() as session:
        for table in ("subscriptions", "deliveries", "audit_entries", "idempotency_keys", "outbox"):
            for row in (await session.execute(text(f"SELECT t::text FROM {table} t"))).scalars():
                assert READER not in row and not any(token in row for token in tokens), table
