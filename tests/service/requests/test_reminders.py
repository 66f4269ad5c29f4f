"""Reminders and 逾期 fire in time, once, and the latest of several; an idle clock moves by itself."""

from datetime import date, time

from shared.auth import Role
from shared.calendar import end_of_day, start_of_day
from shared.events import requests as events
from tests.kit.apps import ServiceUnderTest
from tests.service.requests.desk import (
    THURSDAY,
    calendar,
    done,
    get,
    replied,
    running_case,
    set_today,
    uid,
)

DUE = calendar().add_working_days(THURSDAY, 20)
NIGHT = time(0, 0, 1)


async def due_soon(service: ServiceUnderTest) -> list[int]:
    """Return the days left that each reminder told."""
    told = await service.emitted(events.ApplicationDueSoon)
    return [envelope.data.days_left for envelope in told]  # type: ignore[attr-defined]


async def test_reminders_stand_at_the_start_of_their_days(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    assert case["due_on"] == DUE.isoformat()
    assert await requests.open_timers(uid(case)) == {
        **{f"reminder_{n}": start_of_day(calendar().nth_before(DUE, n)) for n in (5, 3, 1)},
        "overdue": end_of_day(DUE),
    }
    assert await requests.fire_due_timers() == []


async def test_each_reminder_is_sent_once_and_then_the_overdue_notice(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    for sent, days in enumerate((5, 3, 1), 1):
        await set_today(requests, calendar().nth_before(DUE, days), NIGHT)
        assert await requests.fire_due_timers() == [f"reminder_{days}"]
        assert await due_soon(requests) == [5, 3, 1][:sent]
    await set_today(requests, DUE, time(23, 59, 30))
    assert await requests.fire_due_timers() == []
    await set_today(requests, end_of_day(DUE).date(), NIGHT)
    assert await requests.fire_due_timers() == ["overdue"]
    assert len(await requests.emitted(events.ApplicationOverdue)) == 1
    assert (await get(requests, case))["state"] == "overdue"
    assert await requests.open_timers(uid(case)) == {}
    assert await requests.fire_due_timers() == []


async def test_a_case_registered_late_is_told_only_the_latest(requests: ServiceUnderTest) -> None:
    await set_today(requests, calendar().nth_before(DUE, 1))
    case = await running_case(requests, THURSDAY)
    assert await requests.fire_due_timers() == ["reminder_5", "reminder_3", "reminder_1"]
    assert await due_soon(requests) == [1]
    assert [a for a in await requests.audited(uid(case)) if "reminder" in a] == [
        "application.reminder_5",
        "application.reminder_3",
        "application.reminder_1",
    ]
    overdue = await running_case(requests, date(2026, 4, 1))
    assert await requests.fire_due_timers() == ["reminder_5", "reminder_3", "reminder_1", "overdue"]
    assert await due_soon(requests) == [1]
    (told,) = await requests.emitted(events.ApplicationOverdue)
    assert told.subject == uid(overdue)


async def test_a_scheduler_that_slept_sends_the_latest(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    await running_case(requests)
    await set_today(requests, date(2026, 9, 1))
    assert await requests.fire_due_timers() == ["reminder_5", "reminder_3", "reminder_1", "overdue"]
    assert await due_soon(requests) == []
    assert len(await requests.emitted(events.ApplicationOverdue)) == 1


async def test_a_step_that_leaves_the_due_day_does_not_remind_again(requests: ServiceUnderTest) -> None:
    await set_today(requests, calendar().nth_before(DUE, 1))
    case = await running_case(requests, THURSDAY)
    await requests.fire_due_timers()
    await done(requests, case, "reply", {"outcome": "disclosed", "row": "3.1", "content": "见附件。"})
    assert set(await requests.open_timers(uid(case))) == {"overdue"}
    assert await requests.fire_due_timers() == []


async def test_an_extension_sets_reminders_anew(requests: ServiceUnderTest) -> None:
    await set_today(requests, calendar().nth_before(DUE, 1))
    case = await running_case(requests, THURSDAY)
    await requests.fire_due_timers()
    await done(requests, case, "extension", {"working_days": 10, "reason": "调阅档案。"})
    await done(requests, case, "extension/approval", {"approved": True}, role=Role.APPROVER)
    moved = calendar().add_working_days(THURSDAY, 30)
    timers = await requests.open_timers(uid(case))
    assert timers["reminder_5"] == start_of_day(calendar().nth_before(moved, 5))
    assert timers["overdue"] == end_of_day(moved)


async def test_a_closed_case_is_told_nothing(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    await replied(requests, case)
    await set_today(requests, date(2026, 9, 1))
    assert await requests.fire_due_timers() == []


async def test_on_a_provisional_day_reminders_come_earlier_and_nothing_is_late(requests: ServiceUnderTest) -> None:
    await set_today(requests, date(2026, 12, 10))
    case = await running_case(requests)
    assert case["provisional"] is True
    due = date.fromisoformat(case["due_on"])
    timers = await requests.open_timers(uid(case))
    assert set(timers) == {"reminder_5", "reminder_3", "reminder_1"}
    assert timers["reminder_3"] == start_of_day(calendar().nth_before(due, 5))
    await set_today(requests, date(2027, 2, 25))
    assert await requests.fire_due_timers() == ["reminder_5", "reminder_3", "reminder_1"]
    read = await get(requests, case)
    assert (read["state"], read["left"]) == ("running", 0)
    assert await requests.emitted(events.ApplicationOverdue) == []


async def test_when_a_term_ends_in_silence_counting_goes_on(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    letter = {"kind": "joint_organ", "consulted": "县水利局", "on": THURSDAY.isoformat()}
    paused = await done(requests, case, "consultations", letter)
    term = calendar().add_working_days(THURSDAY, 15)
    assert (await requests.open_timers(uid(case)))["rederive"] == end_of_day(term)
    await set_today(requests, end_of_day(term).date(), NIGHT)
    assert await requests.fire_due_timers() == ["rederive"]
    case = await get(requests, case)
    assert (case["state"], case["due_on"]) == ("running", paused["due_on"])
    assert case["consultations"][0]["lapsed_on"] == term.isoformat()
    assert len(await requests.emitted(events.ConsultationEnded)) == 1


async def test_a_consultation_without_a_term_moves_the_due_day_every_night(requests: ServiceUnderTest) -> None:
    await set_today(requests, THURSDAY)
    case = await running_case(requests)
    letter = {"kind": "other_organ", "consulted": "县档案局", "on": THURSDAY.isoformat()}
    case = await done(requests, case, "consultations", letter)
    assert set(await requests.open_timers(uid(case))) == {"rederive"}
    for day in (12, 13, 14, 15):
        await set_today(requests, date(2026, 6, day), NIGHT)
        assert await requests.fire_due_timers() == ["rederive"]
    lists = await requests.client.get("/applications", headers=requests.staff(Role.CLERK))
    (line,) = lists.json()["items"]
    assert line["due_on"] == calendar().add_working_days(THURSDAY, 22).isoformat()
    outcome = {"on": "2026-06-15", "opinion": "agrees"}
    case = await done(requests, case, f"consultations/{case['consultations'][0]['id']}/outcome", outcome)
    assert (case["state"], case["due_on"]) == ("running", line["due_on"])
    assert "rederive" not in await requests.open_timers(uid(case))
