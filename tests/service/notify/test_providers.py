"""A mail provider that hangs delays nobody else's mail, and loses none of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from services.notify.service import SERVICE
from tests.kit.apps import running
from tests.kit.postgres import ServiceDatabase
from tests.kit.smtp import HANG_AT_RCPT, ScriptedSmtp
from tests.kit.spine import until
from tests.service.notify.office import QUICK, Office, contacts_service

PATIENT: dict[str, Any] = QUICK | {
    "smtp_command_seconds": 30,
    "smtp_conversation_seconds": 40,
    "mail_patience_seconds": 0.3,
    "mail_poll_seconds": 0.05,
}
EACH = 12


@pytest.fixture
async def patient(service_database: Callable[[str], ServiceDatabase], smtp: ScriptedSmtp) -> AsyncIterator[Office]:
    """An office whose mail server may take half a minute to answer."""
    url = service_database("notify").url
    async with running(SERVICE, url, smtp_host="127.0.0.1", smtp_port=smtp.port, **PATIENT) as notify:
        yield Office(notify, smtp, contacts_service())


async def test_a_hanging_provider_delays_nobody_else(patient: Office) -> None:
    for number in range(EACH):
        await patient.staff(mail=f"clerk{number}@hanging.test")
        patient.smtp.answers(f"clerk{number}@hanging.test", HANG_AT_RCPT)
    for number in range(EACH):
        await patient.staff(mail=f"clerk{number}@sound.test")
    await patient.due_soon(3)
    sender = asyncio.create_task(patient.sender().run())

    async def sound_have_theirs() -> bool:
        return len(patient.smtp.taken) == EACH

    await until(sound_have_theirs, 20)
    await asyncio.sleep(0.5)
    assert {mail["To"].rpartition("@")[2] for mail in patient.smtp.taken} == {"sound.test"}
    sender.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sender
    shown = await patient.deliveries(channel="mail")
    states = sorted(delivery["state"] for delivery in shown)
    assert states == ["delivered"] * EACH + ["pending"] * (EACH - 6) + ["sending"] * 6
    held = [await patient.delivery(d["id"]) for d in shown if d["state"] == "pending"]
    assert {(d["attempts"], d["error"]) for d in held} == {(0, "该邮箱的服务商暂无响应，稍后再试")}
