"""What a later notice does to a history on record: it dates it anew, and never judges it anew."""

import random
from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.requests.applications.history import Fact, Position, standing
from services.requests.applications.rules import EntryType, Standing
from services.requests.clock.rules import CorrectionNotice, Extended, History, IllegalEvent, clock
from services.requests.redating.rules import first_changed_on
from shared.calendar import Calendar, national, packaged_notices, parse_notices
from tests.unit.clock.cases import RULES, ask
from tests.unit.clock.histories import history

(NOTICE_2027,) = parse_notices(
    {
        "year": 2027,
        "holidays": [
            {"name": "元旦", "from": "2026-12-31", "to": "2027-01-03"},
            {"name": "春节", "from": "2027-02-05", "to": "2027-02-12"},
            {"name": "清明节", "from": "2027-04-03", "to": "2027-04-05"},
        ],
        "make_up_days": ["2027-01-09", "2027-02-14", "2027-02-20"],
    }
)
BEFORE, AFTER = national(), national().with_year(NOTICE_2027)
SAME = Calendar.build(packaged_notices())


def on_record(asked: dict[str, Any]) -> tuple[Position, list[Fact]]:
    """A history as the service keeps it: no event type but the clock's, and deliveries as facts of their own."""
    facts = list[Fact]()
    for event in asked["events"]:
        data = {name: value for name, value in event.items() if name in ("kind", "working_days")}
        if "id" in event:
            data["consultation"] = event["id"]
        facts.append(Fact(len(facts), EntryType(event["type"]), date.fromisoformat(event["on"]), data))
    return Position(date.fromisoformat(asked["received_on"]), asked.get("regulation")), facts


def stands(asked: dict[str, Any], calendar: Calendar, today: date) -> Standing:
    position, facts = on_record(asked)
    return standing(position, facts, calendar=calendar, rules=RULES, today=today)


def kept_by_the_service(asked: dict[str, Any]) -> bool:
    types = {event["type"] for event in asked["events"]}
    return not types & {"fee_notice", "fee_paid"} and not any("delivered_on" in event for event in asked["events"])


def lawful(rng: random.Random, number: int) -> dict[str, Any] | None:
    asked = history(rng, number)
    return asked if kept_by_the_service(asked) and "error" not in ask(asked) else None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32))
def test_redating_by_the_same_calendar_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)
    found = next((asked for number in range(20) if (asked := lawful(rng, number))), None)
    assume(found is not None)
    assert found is not None
    today = date.fromisoformat(found.get("as_of") or max([found["received_on"], *(e["on"] for e in found["events"])]))
    recorded = stands(found, BEFORE, today)
    assert first_changed_on(BEFORE, SAME) is None
    assert asdict(stands(found, SAME, today)) == asdict(recorded)
    assert recorded.due_on == (date.fromisoformat(due) if (due := ask(found)["due_on"]) else None)


def test_a_due_day_before_the_first_changed_one_stays() -> None:
    rng = random.Random(27)
    first, moved, certain = first_changed_on(BEFORE, AFTER), 0, 0
    assert first == date(2026, 12, 29)
    for number in range(6_000):
        found = lawful(rng, number)
        if found is None:
            continue
        today = date.fromisoformat(found.get("as_of") or "2008-05-01")
        old, new = stands(found, BEFORE, today), stands(found, AFTER, today)
        if old.due_on is not None and old.due_on < first:
            certain += 1
            assert (new.due_on, new.provisional) == (old.due_on, old.provisional)
        moved += new.due_on != old.due_on
    assert moved > 20
    assert certain > 1_000


def test_a_later_notice_never_makes_a_recorded_event_late() -> None:
    told = Extended(date(2027, 2, 3), 10)
    history = History(date(2026, 12, 30), (told,))
    assert clock(history, BEFORE, RULES).provisional
    (short,) = parse_notices({"year": 2027, "holidays": ["2027-12-25"], "make_up_days": ["2027-01-02", "2027-01-03"]})
    after = BEFORE.with_year(short)
    with pytest.raises(IllegalEvent):
        clock(history, after, RULES)
    assert clock(history, after, RULES, judged=()).due_on == date(2027, 2, 8)


def test_an_illegal_event_names_its_place() -> None:
    events = (Extended(date(2026, 9, 21), 5), CorrectionNotice(date(2026, 9, 30)))
    with pytest.raises(IllegalEvent) as refused:
        clock(History(date(2026, 9, 18), events), BEFORE, RULES)
    assert (refused.value.code, refused.value.extra) == ("correction_notice_late", {"position": 1})
