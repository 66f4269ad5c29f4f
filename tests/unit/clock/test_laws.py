"""What must hold of every legal history, whatever its dates."""

import random
from datetime import date, timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.calendar import Calendar, national, packaged_notices
from tests.unit.clock.cases import ask, consult, heard
from tests.unit.clock.histories import history

CALENDAR = national()
LAWS = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


@st.composite
def legal(draw: st.DrawFn) -> dict:
    """A history that the law allows, with its `as_of` written out."""
    for _ in range(20):
        found = history(random.Random(draw(st.integers(0, 2**32))), 0)
        answer = ask(found)
        if "error" not in answer:
            days = [found["received_on"], *(event["on"] for event in found["events"])]
            return {"as_of": days[-1], **found}
    assume(False)
    raise AssertionError


def running(found: dict) -> dict:
    answer = ask(found)
    assume(answer.get("due_on"))
    return answer


def later(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


@LAWS
@given(legal())
def test_the_due_day_is_a_working_day(found: dict) -> None:
    assert CALENDAR.is_working(date.fromisoformat(running(found)["due_on"]))


@LAWS
@given(legal())
def test_counted_and_left_make_what_is_allowed(found: dict) -> None:
    answer = running(found)
    allowed = 15 if answer["regulation"] == "PIR-2007" else 20
    for event in found["events"]:
        if event["type"] in ("corrected", "fee_paid"):
            allowed = 15 if answer["regulation"] == "PIR-2007" else 20
        elif event["type"] == "extended":
            allowed += event["working_days"]
    assert answer["counted"] + answer["left"] == allowed


@LAWS
@given(legal())
def test_the_ledger_counts_what_is_allowed_and_ends_on_the_due_day(found: dict) -> None:
    answer = running(found)
    counted = [row["on"] for row in answer["ledger"] if row["counted"]]
    assert len(counted) == answer["counted"] + answer["left"]
    assert counted[-1] == answer["due_on"] == answer["ledger"][-1]["on"]


@LAWS
@given(legal())
def test_the_ledger_holds_every_day_once(found: dict) -> None:
    answer = ask(found)
    last = answer["due_on"] or min(found["as_of"], *[e["on"] for e in found["events"] if e["type"] in CLOSING], "9")
    days = (date.fromisoformat(last) - date.fromisoformat(found["received_on"])).days + 1
    assert [row["on"] for row in answer["ledger"]] == [later(found["received_on"], n) for n in range(days)]


CLOSING = ("replied", "withdrawn")


@LAWS
@given(legal())
def test_a_later_receipt_is_never_due_earlier(found: dict) -> None:
    answer = running(found)
    moved = CALENDAR.add_working_days(date.fromisoformat(found["received_on"]), 1).isoformat()
    after = ask({**found, "received_on": moved, "regulation": answer["regulation"]})
    assume("error" not in after)
    assert after["due_on"] >= answer["due_on"]


@LAWS
@given(legal(), st.randoms(use_true_random=False))
def test_the_order_of_consultations_on_one_day_changes_nothing(found: dict, rng: random.Random) -> None:
    pairs = [(rng.choice(("third_party", "joint_organ", "other_organ")), rng.randrange(25)) for _ in range(3)]
    start = found["received_on"]
    starts = [consult(start, id=str(n), kind=kind) for n, (kind, _) in enumerate(pairs)]
    ends = [heard(later(start, length), id=str(n)) for n, (_, length) in enumerate(pairs)]
    ends.sort(key=lambda event: event["on"])
    one = {"id": "c", "received_on": start, "events": [*starts, *ends], "as_of": later(start, 30)}
    rng.shuffle(starts)
    other = {**one, "events": [*starts, *ends]}
    first, second = ask(one), ask(other)
    for answer in (first, second):
        answer.pop("ledger", None)
    assert first == second


@LAWS
@given(legal())
def test_excluding_days_off_changes_nothing(found: dict) -> None:
    answer = running(found)
    assume(not found["events"])
    day = date.fromisoformat(found["received_on"])
    while CALENDAR.is_working(day + timedelta(days=1)):
        day += timedelta(days=1)
    last = day + timedelta(days=1)
    while not CALENDAR.is_working(last + timedelta(days=1)):
        last += timedelta(days=1)
    as_of = max(found["as_of"], last.isoformat())
    assume(as_of <= "2030-12-31")
    consulted = [consult(day.isoformat()), heard(last.isoformat())]
    assert ask({**found, "as_of": as_of, "events": consulted}) == ask({**found, "as_of": as_of})
    assert answer["due_on"] == ask({**found, "as_of": as_of})["due_on"]


@LAWS
@given(legal(), st.integers(1, 20), st.integers(0, 7))
def test_an_extension_moves_the_due_day_by_as_many_counted_days(found: dict, days: int, place: int) -> None:
    answer = running(found)
    events = found["events"]
    place = min(place, len(events))
    assume(not any(event["type"] in ("corrected", "fee_paid") for event in events[place:]))
    on = events[place - 1]["on"] if place else found["received_on"]
    told = {"type": "extended", "on": on, "working_days": days}
    after = ask({**found, "events": [*events[:place], told, *events[place:]]})
    assume("error" not in after)
    added = [row for row in after["ledger"] if row["on"] > answer["due_on"] and row["counted"]]
    assert len(added) == days
    assert after["ledger"][-1]["on"] == added[-1]["on"] == after["due_on"]


@LAWS
@given(legal(), st.integers(1, 60))
def test_a_later_day_of_asking_is_never_due_earlier(found: dict, days: int) -> None:
    answer = running(found)
    after = ask({**found, "as_of": later(found["as_of"], days)})
    assume("error" not in after)
    assert after["due_on"] >= answer["due_on"]


@LAWS
@given(legal(), st.integers(0, 60))
def test_the_end_of_a_consultation_with_a_term_is_never_due_later_than_projected(found: dict, days: int) -> None:
    answer = running(found)
    assume(answer["regulation"] == "PIR-2019" and answer["state"] not in ("replied", "replied_late", "withdrawn"))
    start = found["as_of"]
    asked = {**found, "events": [*found["events"], consult(start, id="new")], "as_of": later(start, days)}
    projected = ask(asked)
    assume("error" not in projected)
    ended = ask({**asked, "events": [*asked["events"], heard(later(start, days), id="new")]})
    assert ended["due_on"] <= projected["due_on"]


@settings(max_examples=40, deadline=None)
@given(legal())
def test_redating_with_the_same_calendar_changes_nothing(found: dict) -> None:
    assert ask(found, Calendar.build(packaged_notices())) == ask(found)
