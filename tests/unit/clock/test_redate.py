"""Re-dating by standings gives what reading the whole history anew would give, and spares what cannot change."""

import json
import random
from datetime import date

import orjson
import pytest

from services.requests.clock.events import RegulationName
from services.requests.clock.explain import _read
from services.requests.clock.fold import Case, Terms, answer
from services.requests.clock.redate import due_days, standing
from services.requests.clock.regulation import clock_rules
from services.requests.clock.rules import CorrectionNotice, Extended, History, IllegalEvent, clock
from services.requests.redating.rules import first_changed_on
from shared.calendar import Calendar, national, parse_notices
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


def folded(asked: dict, calendar: Calendar) -> tuple[Case, int | None]:
    both = clock_rules(RULES)
    read = _read(orjson.loads(json.dumps(asked)))
    regulation = both.applying(date.fromisoformat(asked["received_on"]), RegulationName(ask(asked)["regulation"]))
    case = Case(Terms(regulation, calendar), read.received, judge=False)
    for step in read.steps:
        case.take(step)
    return case, read.as_of


def test_standings_give_what_the_events_give() -> None:
    rng = random.Random(27)
    moved = 0
    terms = {each.name: Terms(each, AFTER) for each in (clock_rules(RULES).old, clock_rules(RULES).new)}
    for number in range(6_000):
        asked = history(rng, number)
        said = ask(asked)
        if said.get("state") not in ("running", "paused", "overdue"):
            continue
        old, as_of = folded(asked, BEFORE)
        new, _ = folded(asked, AFTER)
        expected = answer(new, as_of)
        kept = standing(old)
        assert kept is not None
        assert due_days([kept], terms[RegulationName(said["regulation"])], expected.as_of) == [expected.due]
        moved += AFTER.day(expected.due or 0).isoformat() != said["due_on"]
        if date.fromisoformat(said["due_on"]) < (first_changed_on(BEFORE, AFTER) or date.max):
            assert AFTER.day(expected.due or 0).isoformat() == said["due_on"]
            assert expected.provisional is said["provisional"]
    assert moved > 50


def test_a_waiting_case_has_no_standing() -> None:
    asked = {"id": "c", "received_on": "2026-12-18", "events": [{"type": "correction_notice", "on": "2026-12-21"}]}
    assert standing(folded(asked, BEFORE)[0]) is None


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
