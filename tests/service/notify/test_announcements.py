"""From events to notices: who is told, by which channel and text, and never twice."""

import asyncio

import pytest
from polyfactory.factories.pydantic_factory import ModelFactory

from services.notify.templates.packaged import of_event, packaged
from services.notify.templates.rules import Audience
from shared.auth import Role
from shared.db.ids import uuid7
from shared.events import EVENTS, Event
from shared.events.notify import NoticeDelivered, NoticeFailed
from shared.events.requests import ApplicationConfirmed, ApplicationRegistered, ApplicationReplied
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, new_key
from tests.service.notify.office import APPLICANT, CASE, Office, application, subscribe


async def test_an_applicant_gets_mail_and_the_desk_mail_and_a_message(office: Office) -> None:
    await office.staff(subject="clerk-1")
    await office.registered()
    told = {(d["recipient_kind"], d["channel"], d["state"]) for d in await office.deliveries()}
    assert told == {("applicant", "mail", "pending"), ("staff", "mail", "pending"), ("staff", "inbox", "delivered")}
    [message] = await office.deliveries(channel="inbox")
    shown = await office.delivery(message["id"])
    assert shown["subject"] == "新的依申请公开件：330106-2026-000001"
    assert "2026年12月18日" in shown["body"] and "办理中" in shown["body"]
    [event] = await office.notify.emitted(NoticeDelivered)
    assert isinstance(event.data, NoticeDelivered)
    assert (event.data.about, event.data.channel) == (CASE, "inbox")


async def test_a_repeated_event_makes_no_second_notice(office: Office) -> None:
    await office.staff(subject="clerk-1")
    event_id = await office.registered()
    await office.registered(event_id)
    await asyncio.gather(*(office.registered(event_id) for _ in range(3)))
    assert len(await office.deliveries()) == 3
    assert len(await office.notify.emitted(NoticeDelivered)) == 1


async def test_a_role_held_above_is_told_and_another_county_is_not(office: Office) -> None:
    await office.staff(Role.SUPERVISOR, COUNTY, mail="inspect@example.gov.cn")
    await office.staff(Role.APPROVER, BUREAU, mail="chief@example.gov.cn")
    await office.staff(Role.SUPERVISOR, OTHER_COUNTY, mail="far@example.gov.cn")
    await office.escalated()
    assert await office.send() == 2
    assert {m["To"] for m in office.smtp.taken} == {"inspect@example.gov.cn", "chief@example.gov.cn"}


async def test_nobody_to_tell_is_a_failure_that_somebody_sees(office: Office) -> None:
    await office.staff(Role.APPROVER)
    await office.escalated()
    [task] = await office.deliveries(open_tasks=True)
    assert (task["recipient_kind"], task["state"]) == ("nobody", "failed")
    assert task["error"] == "没有登记接收人：督查"
    [event] = await office.notify.emitted(NoticeFailed)
    assert isinstance(event.data, NoticeFailed)


async def test_an_inactive_recipient_is_not_told(office: Office) -> None:
    clerk = await office.staff()
    await office.staff(mail="other@example.gov.cn")
    change = {"name": "王工", "active": False}
    headers = office.notify.staff(Role.ADMIN) | {"If-Match": '"1"'}
    assert (await office.notify.client.put(f"/recipients/{clerk['id']}", json=change, headers=headers)).is_success
    await office.due_soon(3)
    await office.send()
    assert [m["To"] for m in office.smtp.taken] == ["other@example.gov.cn"]


async def test_a_newer_reminder_replaces_an_unsent_one(office: Office) -> None:
    await office.staff(subject="clerk-1")
    for days_left in (5, 3, 1):
        await office.due_soon(days_left)
    mails = await office.deliveries(channel="mail")
    assert [m["state"] for m in mails] == ["superseded", "superseded", "pending"]
    await office.overdue()
    states = {
        m["template_id"]: m["state"] for m in await office.deliveries(channel="mail") if m["recipient_kind"] == "staff"
    }
    assert states == {"application.due_soon.staff": "superseded", "application.overdue.staff": "pending"}
    inbox = await office.deliveries(channel="inbox")
    assert {m["state"] for m in inbox} == {"delivered"} and len(inbox) == 4


async def test_a_sent_reminder_stays_sent(office: Office) -> None:
    await office.staff()
    await office.due_soon(5)
    await office.send()
    await office.due_soon(3)
    assert [m["state"] for m in await office.deliveries()] == ["delivered", "pending"]


async def test_a_reminder_on_the_last_day_says_today(office: Office) -> None:
    await office.staff()
    await office.due_soon(0)
    assert (await office.only())["subject"] == "今天是答复期限：330106-2026-000001"


async def test_the_outcome_is_said_in_chinese(office: Office) -> None:
    replied = application(ApplicationReplied, outcome="partly_disclosed", replied_on="2026-11-20")
    await office.notify.consume(replied, subject=CASE)
    shown = await office.only()
    assert "部分公开" in shown["body"] and "2026年11月20日" in shown["body"]
    assert shown["recipient_id"] == str(APPLICANT)


async def test_a_provisional_day_says_so(office: Office) -> None:
    confirmed = application(ApplicationConfirmed, received_on="2026-11-20", provisional=True)
    await office.notify.consume(confirmed, subject=CASE)
    assert "暂定" in (await office.only())["body"]


async def test_an_agencys_own_text_speaks_for_it_and_those_below(office: Office) -> None:
    text = {
        "agency_id": str(COUNTY),
        "subject": "县政府：{{ receipt_number }}",
        "body": "县里的文本。{{ agency_name }}",
    }
    headers = office.notify.staff(Role.ADMIN, COUNTY) | new_key()
    saved = await office.notify.client.post(
        "/templates/application.registered.applicant/versions", json=text, headers=headers
    )
    assert saved.status_code == 201, saved.text
    await office.registered()
    mails = [d for d in await office.deliveries(channel="mail") if d["recipient_kind"] == "applicant"]
    assert mails[0]["subject"] == "县政府：330106-2026-000001"
    assert (await office.delivery(mails[0]["id"]))["template_version"] == 1
    await office.notify.consume(application(ApplicationRegistered), subject=uuid7(), agency_id=OTHER_COUNTY)
    [foreign] = await office.deliveries(agency=OTHER_COUNTY, channel="mail", state="pending")
    assert foreign["subject"].startswith("政府信息公开申请已登记")


ANNOUNCED = [EVENTS[event] for event in sorted({template.event for template in packaged().values()})]


@pytest.mark.parametrize("kind", ANNOUNCED, ids=lambda kind: kind.type)
async def test_every_kind_of_event_reaches_its_people(office: Office, kind: type[Event]) -> None:
    people: list[str] = []
    for role in (Role.CLERK, Role.REVIEWER, Role.APPROVER, Role.SUPERVISOR):
        await office.staff(role, subject=role.value)
        people.append(f"{role.value}@example.gov.cn")
    event = ModelFactory.create_factory(kind).build(factory_use_construct=False)
    office.contacts.known[getattr(event, "recipient_ref", APPLICANT)] = {"email": "zhang@example.cn"}
    await subscribe(office, "reader@example.cn")
    office.smtp.taken.clear()
    await office.notify.consume(event, subject=uuid7())
    await office.send()
    expected: set[str] = set()
    for template in of_event(kind.type):
        match template.audience:
            case Audience.STAFF:
                expected |= {f"{role}@example.gov.cn" for role in template.roles}
            case Audience.APPLICANT:
                expected.add("zhang@example.cn")
            case Audience.SUBSCRIBERS:
                expected.add("reader@example.cn")
    assert {mail["To"] for mail in office.smtp.taken} == expected
    assert expected and expected <= {*people, "zhang@example.cn", "reader@example.cn"}
    assert await office.deliveries(state="failed") == []
