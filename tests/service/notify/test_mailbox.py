"""The mail catcher: a real server whose mail can be read on a page, and never in production."""

from datetime import date
from pathlib import Path

import httpx
import pytest

from services.notify.channels.message import Letter, compose
from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.rules import Outcome
from services.notify.mailbox import Mailbox, MailCatcher, MailCatcherRefused, mailbox_app
from services.notify.settings import NotifySettings
from shared.calendar import start_of_day
from shared.service.settings import Environment
from tests.service.notify.office import MAIL_FROM


def letter(subject: str, body: str = "第一行\n.第二行以点开头\n<script>alert(1)</script>") -> Letter:
    return Letter("<1@lantai.test>", "zhang@example.cn", subject, body, start_of_day(date(2026, 11, 22)))


async def test_caught_mail_is_listed_shown_and_survives_a_restart(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path / "mail")
    async with client_of(mailbox) as client:
        assert "还没有邮件" in (await client.get("/mailbox")).text
    catcher = MailCatcher(mailbox, env=Environment.DEVELOPMENT)
    await catcher.start()
    settings = NotifySettings(env=Environment.TEST, smtp_host="127.0.0.1", smtp_port=catcher.port)
    for subject in ("第一封", "第二封 <b>"):
        message = compose(letter(subject), sender=MAIL_FROM, sender_name="兰台")
        attempt = await SmtpChannel(settings).send(message, "zhang@example.cn")
        assert attempt.outcome is Outcome.ACCEPTED, attempt
    await catcher.stop()
    async with client_of(Mailbox(tmp_path / "mail")) as client:
        listed = (await client.get("/mailbox")).text
        assert listed.index("第二封") < listed.index("第一封")
        assert "<b>" not in listed
        assert "<td>2026-11-22 00:00:00</td>" in listed
        newest, oldest = (await client.get("/mailbox/messages")).json()["items"]
        assert (oldest["subject"], oldest["to"]) == ("第一封", "zhang@example.cn")
        assert newest["message_id"] == "<1@lantai.test>"
        assert "\n.第二行以点开头\n" in newest["text"]
        shown = await client.get(f"/mailbox/{newest['id']}")
        assert shown.status_code == 200 and "<script>" not in shown.text
        assert (await client.get("/mailbox/none")).status_code == 404
        assert (await client.get("/mailbox/..%2F..%2Fetc%2Fpasswd")).status_code == 404


async def test_a_taken_port_is_an_error_of_the_system(tmp_path: Path) -> None:
    first = MailCatcher(Mailbox(tmp_path), env=Environment.TEST)
    await first.start()
    with pytest.raises(OSError):
        await MailCatcher(Mailbox(tmp_path), env=Environment.TEST, port=first.port).start()
    await first.stop()
    await first.stop()


def test_production_has_no_mail_catcher(tmp_path: Path) -> None:
    with pytest.raises(MailCatcherRefused):
        MailCatcher(Mailbox(tmp_path), env=Environment.PRODUCTION)


def client_of(mailbox: Mailbox) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(mailbox_app(mailbox)), base_url="http://mailbox.test")
