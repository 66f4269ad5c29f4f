"""Sending mail against a real server that says yes, not now, no, or nothing."""

import asyncio
import dataclasses
from collections.abc import Callable
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from sqlalchemy import text

from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.rules import Attempt, Outcome
from services.notify.service import SERVICE
from shared.crypto import Vault
from shared.db.engine import Database
from shared.events.notify import NoticeDelivered, NoticeFailed
from tests.kit.apps import running
from tests.kit.postgres import ServiceDatabase
from tests.kit.smtp import (
    DROP_AFTER_DATA,
    DROP_AFTER_TAKING,
    DROP_AT_RCPT,
    HANG_AFTER_DATA,
    HANG_AT_RCPT,
    YES,
    ScriptedSmtp,
)
from tests.service.notify.office import APPLICANT, MAIL_FROM, Office, contacts_service

MAIL = "zhang@example.cn"


async def test_a_yes_is_kept_as_proof(office: Office) -> None:
    await office.registered()
    assert await office.send() == 1
    delivery = (await office.deliveries(channel="mail", state="delivered"))[0]
    shown = await office.delivery(delivery["id"])
    assert shown["proof"] == YES
    assert (shown["attempts"], shown["possibly_doubled"], shown["sent_to_masked"]) == (1, False, "z***@example.cn")
    delivered = [e.data for e in await office.notify.emitted(NoticeDelivered)]
    assert [e.provider_message_id for e in delivered if isinstance(e, NoticeDelivered)] == [YES]
    assert await office.send_later() == 0


async def test_the_mail_reads_well_and_names_itself(office: Office) -> None:
    await office.registered()
    await office.send()
    [mail] = office.smtp.to(MAIL)
    assert mail["Subject"] == "政府信息公开申请已登记（330106-2026-000001）"
    assert mail["From"] == f"兰台政务公开 <{MAIL_FROM}>"
    assert mail["Message-ID"].endswith("@lantai.test>")
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).utcoffset() == timedelta(hours=8)
    assert mail.get_content_type() == "text/plain"
    assert "您提交的政府信息公开申请已登记" in mail.get_content()
    assert "http://lantai.test/status" in mail.get_content()


async def test_not_now_is_tried_again_after_growing_pauses(office: Office) -> None:
    office.smtp.answers(MAIL, "rcpt 450 4.2.1 mailbox busy", "451 4.3.0 try later", YES)
    await office.registered()
    await office.send()
    waiting = await only_mail(office)
    assert (waiting["state"], waiting["error"]) == ("pending", "450 4.2.1 mailbox busy")
    assert await office.send_later(timedelta(seconds=50)) == 0
    assert await office.send_later(timedelta(seconds=11)) == 1
    assert (await only_mail(office))["error"] == "451 4.3.0 try later"
    assert await office.send_later(timedelta(seconds=200)) == 0
    assert await office.send_later(timedelta(seconds=41)) == 1
    done = await only_mail(office)
    assert (done["state"], done["attempts"], done["possibly_doubled"]) == ("delivered", 3, False)


async def test_refusals_are_bounded_and_then_a_task(office: Office) -> None:
    office.smtp.answers(MAIL, "rcpt 450 4.2.1 mailbox busy")
    await office.registered()
    await office.send()
    for _ in range(2):
        await office.send_later()
    failed = await only_mail(office)
    assert (failed["state"], failed["attempts"]) == ("failed", 3)
    assert await office.send_later(timedelta(days=1)) == 0
    assert len(await mail_failures(office)) == 1


@pytest.mark.parametrize("answer", ["rcpt 550 5.1.1 no such user", "554 5.7.1 refused"])
async def test_a_final_no_fails_at_once(office: Office, answer: str) -> None:
    office.smtp.answers(MAIL, answer)
    await office.registered()
    await office.send()
    failed = await only_mail(office)
    assert (failed["state"], failed["error"]) == ("failed", answer.removeprefix("rcpt "))
    assert [e.reason for e in await mail_failures(office)] == [answer.removeprefix("rcpt ")]


async def test_an_answer_that_repeats_the_address_is_kept_without_it(office: Office) -> None:
    office.smtp.answers(MAIL, f"rcpt 550 5.1.1 <{MAIL}> unknown")
    await office.registered()
    await office.send()
    failed = await only_mail(office)
    assert MAIL not in failed["error"] and failed["error"].startswith("550 5.1.1")
    assert all(MAIL not in e.reason for e in await mail_failures(office))


@pytest.mark.parametrize("trouble", [DROP_AFTER_DATA, DROP_AFTER_TAKING, HANG_AFTER_DATA])
async def test_no_answer_after_data_is_unknown_and_sent_again_under_the_same_name(office: Office, trouble: str) -> None:
    office.smtp.answers(MAIL, trouble, YES)
    await office.registered()
    await office.send()
    unknown = await only_mail(office)
    assert (unknown["state"], unknown["possibly_doubled"]) == ("unknown", False)
    assert (await office.notify.gauges())["notices_unknown"] == 1
    await office.send_later()
    done = await only_mail(office)
    assert (done["state"], done["possibly_doubled"], done["attempts"]) == ("delivered", True, 2)
    assert {mail["Message-ID"] for mail in office.smtp.to(MAIL)} == {unknown["message_id"]}
    assert len(office.smtp.to(MAIL)) == (2 if trouble == DROP_AFTER_TAKING else 1)
    delivered = [e.data for e in await office.notify.emitted(NoticeDelivered)]
    assert [e.possibly_doubled for e in delivered if isinstance(e, NoticeDelivered)] == [True]


async def test_a_server_that_never_answers_ends_in_a_task(office: Office) -> None:
    office.smtp.answers(MAIL, DROP_AFTER_DATA)
    await office.registered()
    await office.send()
    for _ in range(2):
        await office.send_later()
    failed = await only_mail(office)
    assert (failed["state"], failed["possibly_doubled"]) == ("failed", True)


@pytest.mark.parametrize("trouble", [HANG_AT_RCPT, DROP_AT_RCPT])
async def test_what_was_surely_not_sent_waits_and_is_not_doubled(office: Office, trouble: str) -> None:
    office.smtp.answers(MAIL, trouble, YES)
    await office.registered()
    await office.send()
    assert (await only_mail(office))["state"] == "pending"
    await office.send_later()
    done = await only_mail(office)
    assert (done["state"], done["possibly_doubled"]) == ("delivered", False)
    assert len(office.smtp.to(MAIL)) == 1


async def test_a_server_that_is_away_refuses_nothing(office: Office) -> None:
    await office.smtp.stop()
    await office.registered()
    await office.send()
    for _ in range(5):
        await office.send_later(timedelta(hours=7))
    assert (await only_mail(office))["state"] == "pending"
    assert (await office.notify.gauges())["notice_oldest_pending_seconds"] > 35 * 3600
    await office.smtp.start()
    await office.send_later(timedelta(hours=7))
    assert (await only_mail(office))["state"] == "delivered"


async def test_a_greeting_that_never_comes_is_not_waited_for(office: Office) -> None:
    silent = await asyncio.start_server(lambda _r, _w: asyncio.sleep(3600), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = office.notify.deps.settings.model_copy(update={"smtp_port": port})
    await office.registered()
    started = asyncio.get_running_loop().time()
    assert await office.sender(SmtpChannel(settings)).run_once() == 1
    assert asyncio.get_running_loop().time() - started < 3
    silent.close()
    assert (await only_mail(office))["state"] == "pending"


async def test_an_applicants_contact_is_asked_just_before_sending(office: Office) -> None:
    await office.registered()
    office.contacts.known[APPLICANT]["email"] = "moved@example.cn"
    await office.send()
    assert [mail["To"] for mail in office.smtp.taken] == ["moved@example.cn"]
    async with office.notify.deps.db.read() as session:
        rows = (await session.execute(text("SELECT d::text FROM deliveries d"))).scalars()
        assert all("moved@example.cn" not in row for row in rows)


async def test_mail_waits_while_the_requests_service_is_away(office: Office) -> None:
    office.contacts.away = True
    await office.registered()
    await office.send()
    waiting = await only_mail(office)
    assert waiting["state"] == "pending" and "暂时无法读取" in waiting["error"]
    office.contacts.away = False
    await office.send_later()
    assert (await only_mail(office))["state"] == "delivered"


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        (None, "没有这位申请人的联系方式"),
        ({"email": None}, "申请人未提供电子邮箱，请以其他方式告知"),
        ({"email": "zhang@example.cn\r\nBcc: x@example.cn"}, "申请人的电子邮箱无法投递，请以其他方式告知"),
    ],
)
async def test_an_applicant_without_a_usable_address_is_a_task(
    office: Office, contact: dict[str, str | None] | None, reason: str
) -> None:
    office.contacts.known.clear()
    if contact is not None:
        office.contacts.known[APPLICANT] = contact
    await office.registered()
    await office.send()
    failed = await only_mail(office)
    assert (failed["state"], failed["error"]) == ("failed", reason)
    assert office.smtp.taken == []


async def test_mail_waits_while_its_key_is_missing(office: Office) -> None:
    await office.staff()
    await office.due_soon(3)
    keyless = dataclasses.replace(office.notify.deps, vault=Vault({"other": b"o" * 32}, "other"))
    blind = dataclasses.replace(office, notify=dataclasses.replace(office.notify, deps=keyless))
    await blind.send()
    waiting = await office.only()
    assert waiting["state"] == "pending" and "LANTAI_DATA_KEYS" in waiting["error"]
    await office.send_later()
    assert (await office.only())["state"] == "delivered"


async def test_two_senders_at_once_never_double(office: Office) -> None:
    for number in range(20):
        await office.staff(mail=f"clerk{number}@example.gov.cn")
    await office.due_soon(3)
    senders = [office.sender() for _ in range(4)]
    for _ in range(3):
        await asyncio.gather(*(sender.run_once() for sender in senders))
    sent = [mail["To"] for mail in office.smtp.taken]
    assert len(sent) == len(set(sent)) == 20
    assert {d["state"] for d in await office.deliveries()} == {"delivered"}


async def test_a_lease_that_ran_out_is_unknown_and_its_late_answer_is_not_believed(office: Office) -> None:
    await office.registered()
    reached, go_on = asyncio.Event(), asyncio.Event()

    class Slow(SmtpChannel):
        async def send(self, *letter: object) -> Attempt:
            reached.set()
            await go_on.wait()
            return Attempt(Outcome.ACCEPTED, "250 late")

    slow = asyncio.create_task(office.sender(Slow(office.notify.deps.settings)).run_once())
    await reached.wait()
    assert (await only_mail(office))["state"] == "sending"
    await office.send_later(timedelta(seconds=61))
    unknown = await only_mail(office)
    assert (unknown["state"], unknown["attempts"]) == ("unknown", 1)
    go_on.set()
    await slow
    assert (await only_mail(office))["state"] == "unknown"
    await office.send_later()
    done = await only_mail(office)
    assert (done["state"], done["proof"], done["possibly_doubled"]) == ("delivered", YES, True)


async def test_a_stopped_sender_finishes_its_conversation(office: Office) -> None:
    await office.registered()
    reached = asyncio.Event()

    class Watched(SmtpChannel):
        async def send(self, message: object, to: str) -> Attempt:
            reached.set()
            await asyncio.sleep(0.2)
            return await super().send(message, to)  # type: ignore[arg-type]  # what the sender composed

    sending = asyncio.create_task(office.sender(Watched(office.notify.deps.settings)).run())
    await reached.wait()
    sending.cancel()
    await asyncio.wait([sending])
    assert sending.cancelled()
    assert (await only_mail(office))["state"] == "delivered"


async def test_without_a_mail_server_mail_waits_and_readiness_says_so(
    service_database: Callable[[str], ServiceDatabase],
) -> None:
    async with running(SERVICE, service_database("notify").url) as service:
        office = Office(service, ScriptedSmtp(), contacts_service())
        await office.registered()
        assert await office.send() == 0
        assert (await only_mail(office))["state"] == "pending"
        ready = await service.client.get("http://service.test/readyz")
        assert (ready.status_code, ready.json()["checks"]["mail"]["status"]) == (200, "degraded")


async def test_a_sender_survives_a_database_that_is_away(office: Office) -> None:
    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none", "notify")
    sending = asyncio.create_task(office.sender(db=away).run())
    await asyncio.sleep(0.3)
    assert not sending.done()
    sending.cancel()
    await asyncio.wait([sending])
    await away.dispose()


async def only_mail(office: Office) -> dict[str, str]:
    """Return the applicant's only mail."""
    [mail] = [d for d in await office.deliveries(channel="mail") if d["recipient_kind"] == "applicant"]
    return await office.delivery(mail["id"])


async def mail_failures(office: Office) -> list[NoticeFailed]:
    """Return the failures told of, without the role that nobody holds."""
    events = [e.data for e in await office.notify.emitted(NoticeFailed)]
    return [e for e in events if isinstance(e, NoticeFailed) and e.template.endswith(".applicant")]
