"""The applicant reads until when 复议 and 诉讼 are open, and that a day in a year without a notice is provisional."""

from datetime import date
from typing import Any

from tests.kit.apps import ServiceUnderTest
from tests.service.requests.desk import done, register, replied, set_today
from tests.service.requests.test_known_calendar import notice, publish


async def reply_of(service: ServiceUnderTest, receipt: dict[str, Any]) -> dict[str, Any]:
    asked = {"receipt_number": receipt["receipt_number"], "code": receipt["code"]}
    answer = await service.client.post("/status", json=asked)
    assert answer.status_code == 200, answer.text
    reply: dict[str, Any] = answer.json()["reply"]
    return reply


async def test_the_last_days_stand_in_the_public_status(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 8, 3))
    receipt = await register(requests)
    await done(requests, receipt, "sign-for")
    await replied(requests, receipt)
    days = (await reply_of(requests, receipt))["remedy_days"]
    assert [(day["last"], day["provisional"]) for day in days] == [("2026-10-08", False), ("2027-02-03", True)]
    asked = {"receipt_number": receipt["receipt_number"], "code": receipt["code"]}
    page = (await requests.client.post("http://service.test/status", data=asked)).text
    assert "申请行政复议的最后一日</th><td>2026-10-08（《" in page
    assert "提起行政诉讼的最后一日</th><td>2027-02-03（暂定" in page
    await set_today(requests, date(2026, 12, 10))
    await publish(requests, notice(date(2026, 12, 9), 1, date(2027, 1, 1), date(2027, 2, 3)))
    days = (await reply_of(requests, receipt))["remedy_days"]
    assert [(day["last"], day["provisional"]) for day in days] == [("2026-10-08", False), ("2027-02-04", False)]
