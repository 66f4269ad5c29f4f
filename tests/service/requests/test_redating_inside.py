"""Days swapped before a due day that stays: its reminders, a pause and a consultation's term move all the same."""

from datetime import date

from services.requests.desk import Desk
from services.requests.redating.tasks import redate_all
from shared.calendar import start_of_day
from shared.events import requests as events
from tests.kit.apps import ServiceUnderTest
from tests.service.requests.desk import done, get, running_case, set_today, uid
from tests.service.requests.test_redating import NOTICE_2027, notice, publish

OFF = NOTICE_2027["holidays"]
WORKS = NOTICE_2027["make_up_days"]
assert isinstance(OFF, tuple) and isinstance(WORKS, tuple)


async def swapped(service: ServiceUnderTest, off: date, works: date) -> None:
    """Publish the year again with one more weekday off and, for it, one more weekend day that works."""
    await publish(service, notice(2, holidays=(*OFF, off), make_up_days=(*WORKS, works)))
    await redate_all(service.deps.db, Desk.of(service.deps))


async def test_a_reminder_moves_and_nobody_is_told_of_a_day_that_stays(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2027, 3, 1))
    await publish(requests, notice())
    case, other = await running_case(requests), await running_case(requests, date(2027, 2, 22))
    assert case["due_on"] == "2027-03-29", "a Monday"
    before = await requests.open_timers(uid(case))
    assert before["reminder_3"] == start_of_day(date(2027, 3, 24))
    await swapped(requests, date(2027, 3, 24), date(2027, 3, 27))
    after = await get(requests, case)
    assert (after["due_on"], after["version"]) == (case["due_on"], case["version"] + 1)
    moved = await requests.open_timers(uid(case))
    assert moved["reminder_3"] == start_of_day(date(2027, 3, 25))
    assert moved["overdue"] == before["overdue"]
    assert "application.redated" in await requests.audited(uid(case))
    assert await requests.emitted(events.ApplicationRedated) == []
    assert (await get(requests, other))["version"] == other["version"], "due on 22 March: nothing of it moves"


async def test_a_pause_and_its_term_move(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2027, 3, 1))
    await publish(requests, notice())
    case = await running_case(requests)
    letter = {"kind": "third_party", "consulted": "李明", "on": "2027-03-01", "delivered_on": "2027-03-01"}
    asked = await done(requests, case, "consultations", letter)
    assert (asked["paused_until"], asked["due_on"]) == ("2027-03-22", "2027-04-20")
    await swapped(requests, date(2027, 3, 22), date(2027, 4, 10))
    after = await get(requests, case)
    assert (after["paused_until"], after["consultations"][0]["term_ends_on"]) == ("2027-03-23", "2027-03-23")
    assert after["due_on"] == asked["due_on"]
    assert (await requests.open_timers(uid(case)))["rederive"] == start_of_day(date(2027, 3, 24))
