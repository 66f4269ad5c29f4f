"""Trying a delivery again is technical: it goes by real time, wherever a test system's business clock was set."""

import asyncio
from datetime import timedelta

import pytest

from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.rules import Attempt, Outcome
from shared.auth import Role
from tests.kit.smtp import YES
from tests.service.notify.office import Office

MAIL = "clerk@example.gov.cn"
NOT_NOW = "451 4.3.0 try later"


@pytest.fixture(params=[400, -400], ids=["forward", "back"])
def jump(request: pytest.FixtureRequest) -> timedelta:
    return timedelta(days=request.param)


async def test_pauses_neither_end_nor_grow_with_a_jump(office: Office, jump: timedelta) -> None:
    office.smtp.answers(MAIL, NOT_NOW, NOT_NOW, YES)
    await office.staff(mail=MAIL)
    await office.due_soon(3)
    await office.send()
    await office.notify.shift_clock(jump)
    assert await office.send_later(timedelta(seconds=50)) == 0
    assert await office.send_later(timedelta(seconds=11)) == 1
    await office.notify.shift_clock(-jump)
    assert await office.send_later(timedelta(seconds=230)) == 0
    assert await office.send_later(timedelta(seconds=11)) == 1
    assert (await office.only())["state"] == "delivered"


async def test_new_mail_and_a_retry_go_out_at_once_on_any_date(office: Office, jump: timedelta) -> None:
    office.smtp.answers(MAIL, "550 5.1.1 no such user", YES)
    await office.staff(mail=MAIL)
    await office.notify.shift_clock(jump)
    await office.due_soon(3)
    await office.notify.shift_clock(-2 * jump)
    assert await office.send() == 1
    failed = await office.only()
    headers = office.notify.staff(Role.CLERK) | {"If-Match": f'"{failed["version"]}"'}
    again = await office.notify.client.post(f"/deliveries/{failed['id']}/retry", headers=headers)
    assert again.status_code == 200, again.text
    await office.notify.shift_clock(2 * jump)
    assert await office.send() == 1
    assert (await office.only())["state"] == "delivered"


async def test_no_jump_takes_a_mail_from_the_sender_that_speaks(office: Office, jump: timedelta) -> None:
    await office.staff(mail=MAIL)
    await office.due_soon(3)
    reached, go_on = asyncio.Event(), asyncio.Event()

    class Slow(SmtpChannel):
        async def send(self, *letter: object) -> Attempt:
            reached.set()
            await go_on.wait()
            return Attempt(Outcome.ACCEPTED, YES)

    speaking = asyncio.create_task(office.sender(Slow(office.notify.deps.settings)).run_once())
    await reached.wait()
    await office.notify.shift_clock(jump)
    assert await office.send() == 0
    assert (await office.only())["state"] == "sending"
    go_on.set()
    await speaking
    done = await office.only()
    assert (done["state"], done["attempts"], done["possibly_doubled"]) == ("delivered", 1, False)


async def test_a_lease_runs_out_whatever_the_business_clock_says(office: Office, jump: timedelta) -> None:
    await office.staff(mail=MAIL)
    await office.due_soon(3)
    reached = asyncio.Event()

    class Silent(SmtpChannel):
        async def send(self, *letter: object) -> Attempt:
            reached.set()
            await asyncio.Event().wait()
            raise AssertionError

    speaking = asyncio.create_task(office.sender(Silent(office.notify.deps.settings)).run_once())
    await reached.wait()
    await office.notify.shift_clock(jump)
    await office.send_later(timedelta(seconds=61))
    assert (await office.only())["state"] == "unknown"
    speaking.cancel()
    await asyncio.wait([speaking])
