"""kill -9 between the mail server's yes and our commit: nothing is lost, and what may be doubled says so."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

from shared.events.notify import NoticeDelivered
from tests.service.notify.office import Office

REPOSITORY = Path(__file__).parents[3]


async def test_a_sender_killed_with_the_yes_in_its_hand_leaves_an_unknown_that_is_sent_again(office: Office) -> None:
    await office.staff(mail="clerk@example.gov.cn")
    await office.due_soon(3)
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.service.notify.dying_sender",
        office.notify.deps.db.url,
        str(office.smtp.port),
        cwd=REPOSITORY,
    )
    assert await asyncio.wait_for(child.wait(), 60) == -signal.SIGKILL
    [first] = office.smtp.to("clerk@example.gov.cn")
    assert (await office.only())["state"] == "sending"
    assert await office.send() == 0  # the lease still holds

    await office.send_later(timedelta(seconds=61))
    unknown = await office.only()
    assert (unknown["state"], unknown["message_id"]) == ("unknown", first["Message-ID"])

    await office.send_later()
    done = await office.only()
    assert (done["state"], done["possibly_doubled"]) == ("delivered", True)
    both = office.smtp.to("clerk@example.gov.cn")
    assert [mail["Message-ID"] for mail in both] == [first["Message-ID"]] * 2
    [told] = await office.notify.emitted(NoticeDelivered)
    assert isinstance(told.data, NoticeDelivered) and told.data.possibly_doubled
