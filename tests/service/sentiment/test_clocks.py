"""The hour clocks in action: reminders, escalations, late and continued responses, reclassification."""

from datetime import datetime, timedelta
from uuid import UUID

from services.sentiment.clocks.commands import run_out
from services.sentiment.clocks.rules import Step
from shared.auth import Role
from shared.events.sentiment import (
    IncidentDueSoon,
    IncidentEscalated,
    IncidentReclassified,
    IncidentRegistered,
    IncidentResponded,
)
from tests.kit.apps import ServiceUnderTest
from tests.service.sentiment.desk import act, clock, get, register, respond

HOUR = timedelta(hours=1)


async def test_a_grave_incident_has_two_clocks_from_its_occurrence(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=2)
    started = datetime.fromisoformat(incident["occurred_at"])
    release, press = clock(incident, "release"), clock(incident, "press")
    assert datetime.fromisoformat(release["due_at"]) == started + 5 * HOUR
    assert datetime.fromisoformat(press["due_at"]) == started + 24 * HOUR
    assert 2.9 < release["hours_left"] <= 3.0
    assert release["status"] == "running" and "80号" in release["citation"]
    timers = await sentiment.open_timers(UUID(incident["id"]))
    assert timers["release_due_soon"] == started + 4 * HOUR
    assert timers["release_overdue"] == started + 5 * HOUR
    [event] = await sentiment.emitted(IncidentRegistered)
    assert isinstance(event.data, IncidentRegistered)
    assert event.data.release_due_at == started + 5 * HOUR
    assert event.data.response_due_at is None
    assert event.data.agency_name == "青山县应急管理局"


async def test_an_incident_whose_hours_are_over_is_escalated_at_once(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=30)
    assert await sentiment.fire_due_timers() == ["release_overdue", "press_overdue"]
    assert await sentiment.emitted(IncidentDueSoon) == []
    escalated = [e.data for e in await sentiment.emitted(IncidentEscalated)]
    assert [e.step for e in escalated if isinstance(e, IncidentEscalated)] == ["release", "press"]
    shown = await get(sentiment, incident["id"])
    assert clock(shown, "release")["status"] == "overdue"
    assert clock(shown, "release")["hours_left"] < -24
    assert clock(shown, "release")["escalated_at"] is not None


async def test_reminder_then_escalation_as_time_passes_and_each_once(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, level="general", hours_ago=1)
    assert await sentiment.fire_due_timers() == []
    await sentiment.shift_clock(46.5 * HOUR)
    assert await sentiment.fire_due_timers() == ["response_due_soon"]
    [reminder] = await sentiment.emitted(IncidentDueSoon)
    assert isinstance(reminder.data, IncidentDueSoon) and reminder.data.step == "response"
    await sentiment.shift_clock(HOUR)
    assert await sentiment.fire_due_timers() == ["response_overdue"]
    async with sentiment.write() as uow:
        await run_out(uow, UUID(incident["id"]), Step.RESPONSE)  # a second firing changes nothing
    assert len(await sentiment.emitted(IncidentEscalated)) == 1


async def test_a_scheduler_that_slept_through_both_only_escalates(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, level="general", hours_ago=1)
    await sentiment.shift_clock(50 * HOUR)
    assert await sentiment.fire_due_timers() == ["response_due_soon", "response_overdue"]
    assert await sentiment.emitted(IncidentDueSoon) == []
    assert len(await sentiment.emitted(IncidentEscalated)) == 1
    assert "incident.reminder_superseded" in await sentiment.audited(UUID(incident["id"]))


async def test_a_step_done_in_time_stops_its_timers(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=3)
    answered = await respond(sentiment, incident, "release", await sentiment.now() - 0.5 * HOUR)
    assert answered.status_code == 200, answered.text
    assert clock(answered.json(), "release")["status"] == "done"
    assert clock(answered.json(), "release")["hours_left"] is None
    assert set(await sentiment.open_timers(UUID(incident["id"]))) == {"press_due_soon", "press_overdue"}
    await sentiment.shift_clock(30 * HOUR)
    await sentiment.fire_due_timers()
    escalated = [e.data for e in await sentiment.emitted(IncidentEscalated)]
    assert [e.step for e in escalated if isinstance(e, IncidentEscalated)] == ["press"]
    [responded] = await sentiment.emitted(IncidentResponded)
    assert isinstance(responded.data, IncidentResponded) and responded.data.in_time is True


async def test_a_late_step_is_escalated_even_when_its_timer_had_no_chance(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=8)
    answered = await respond(sentiment, incident, "release", await sentiment.now() - HOUR)
    assert clock(answered.json(), "release")["status"] == "done_late"
    assert clock(answered.json(), "release")["in_time"] is False
    await sentiment.fire_due_timers()
    assert len(await sentiment.emitted(IncidentEscalated)) == 1


async def test_a_step_recorded_late_but_done_in_time_is_in_time(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=8)
    await sentiment.fire_due_timers()
    answered = await respond(sentiment, incident, "release", await sentiment.now() - 4 * HOUR)
    shown = clock(answered.json(), "release")
    assert shown["status"] == "done" and shown["escalated_at"] is not None


async def test_continued_releases_follow_and_have_no_limit(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=3)
    await respond(sentiment, incident, "release", await sentiment.now() - 2 * HOUR)
    answered = await respond(sentiment, incident, "continued", await sentiment.now() - HOUR)
    assert [(r["kind"], r["in_time"]) for r in answered.json()["responses"]] == [("release", True), ("continued", None)]


async def test_another_level_dates_the_clocks_anew(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, level="general", hours_ago=7)
    change = {"level": "serious", "reason": "经核定调整。"}
    answered = await act(sentiment, incident, "reclassification", change, role=Role.REVIEWER)
    assert answered.status_code == 200, answered.text
    statuses = {c["step"]: c["status"] for c in answered.json()["clocks"]}
    assert statuses == {"release": "overdue", "press": "running", "response": "withdrawn"}
    assert set(await sentiment.open_timers(UUID(incident["id"]))) == {
        "release_overdue",
        "press_due_soon",
        "press_overdue",
    }
    await sentiment.fire_due_timers()
    assert len(await sentiment.emitted(IncidentEscalated)) == 1
    [event] = await sentiment.emitted(IncidentReclassified)
    assert isinstance(event.data, IncidentReclassified)
    assert (event.data.level_before, event.data.level) == ("general", "serious")


async def test_what_was_done_survives_a_change_of_level_and_back(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, level="general", hours_ago=10)
    await respond(sentiment, incident, "response", await sentiment.now() - 9 * HOUR)
    for level in ("serious", "larger"):
        change = {"level": level, "reason": "核定。"}
        answered = await act(sentiment, incident, "reclassification", change, role=Role.APPROVER)
        assert answered.status_code == 200, answered.text
    in_force = [c for c in answered.json()["clocks"] if c["status"] != "withdrawn"]
    assert [(c["step"], c["status"]) for c in in_force] == [("response", "done")]
    assert await sentiment.open_timers(UUID(incident["id"])) == {}


async def test_an_earlier_start_makes_a_step_late_and_tells_of_it(sentiment: ServiceUnderTest) -> None:
    now = await sentiment.now()
    incident = await register(
        sentiment,
        level="not_emergency",
        occurred_at=(now - 60 * HOUR).isoformat(),
        detected_at=(now - 10 * HOUR).isoformat(),
    )
    answered = await respond(sentiment, incident, "response", now - HOUR)
    assert clock(answered.json(), "response")["in_time"] is True
    change = {"level": "general", "reason": "定性为一般突发事件。"}
    answered = await act(sentiment, incident, "reclassification", change, role=Role.REVIEWER)
    assert clock(answered.json(), "response")["status"] == "done_late"
    assert len(await sentiment.emitted(IncidentEscalated)) == 1


async def test_a_closed_incident_has_no_timers(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=1)
    closing = {"outcome": "unfounded", "note": "经核实为演练。"}
    answered = await act(sentiment, incident, "closing", closing, role=Role.REVIEWER)
    assert answered.status_code == 200, answered.text
    assert await sentiment.open_timers(UUID(incident["id"])) == {}
    async with sentiment.write() as uow:
        await run_out(uow, UUID(incident["id"]), Step.RELEASE)  # one that was claimed just before
    assert await sentiment.emitted(IncidentEscalated) == []
