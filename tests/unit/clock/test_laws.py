"""What must hold of every legal history, whatever its dates."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from shared.calendar import national
from tests.unit.clock.cases import ask, consult, heard
from tests.unit.clock.histories import history

CALENDAR = national()
CLOSING = ("replied", "withdrawn")
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


@LAWS
@given(legal())
def test_a_later_receipt_is_never_due_earlier(found: dict) -> None:
    answer = running(found)
    moved = CALENDAR.add_working_days(date.fromisoformat(found["received_on"]), 1).isoformat()
    after = ask({**found, "received_on": moved, "regulation": answer["regulation"]})
    assume("error" not in after)
    assert after["due_on"] >= answer["due_on"]


@st.composite
def letters(draw: st.DrawFn) -> list[tuple[int, int, str]]:
    """Consultations as (day sent, day of the opinion, kind), in days after receipt; they overlap and follow."""
    one = st.tuples(st.integers(0, 25), st.integers(0, 40), st.sampled_from(KINDS))
    return [(sent, sent + length, kind) for sent, length, kind in draw(st.lists(one, min_size=2, max_size=5))]


KINDS = ("third_party", "joint_organ", "other_organ")


def told(start: str, asked: list[tuple[int, int, str]], rng: random.Random) -> list[dict]:
    """Their events in order of day; those of one day in an order of chance, a letter before its answer."""
    ids = [str(n) for n in range(len(asked))]
    rng.shuffle(ids)
    sent = [
        (day, 0, rng.random(), consult(later(start, day), id, kind))
        for id, (day, _, kind) in zip(ids, asked, strict=True)
    ]
    back = [(day, 1, rng.random(), heard(later(start, day), id)) for id, (_, day, _) in zip(ids, asked, strict=True)]
    return [event for *_, event in sorted([*sent, *back], key=lambda each: each[:3])]


@LAWS
@given(st.dates(date(2019, 5, 15), date(2026, 12, 20)), letters(), st.integers(0, 70), st.randoms())
def test_merging_exclusions_in_any_order_gives_the_same(
    received: date, asked: list[tuple[int, int, str]], more: int, rng: random.Random
) -> None:
    start = received.isoformat()
    as_of = later(start, max(end for _, end, _ in asked) + more)
    out: set[int] = set()
    for sent, end, kind in asked:
        if kind != "other_organ":
            term = CALENDAR.add_working_days(date.fromisoformat(later(start, sent)), 15)
            end = min(end, (term - received).days)
        out |= set(range(sent + 1, end + 1))
    merged = [(day - 1, day, "other_organ") for day in sorted(out)]
    one, other = (
        ask({"id": "c", "received_on": start, "events": told(start, each, rng), "as_of": as_of})
        for each in (asked, merged)
    )
    for answer in (one, other):
        answer["ledger"] = [(row["on"], row["counted"]) for row in answer["ledger"]]
    assert one == other


@LAWS
@given(legal(), st.integers(0, 10_000), st.sampled_from(KINDS))
def test_excluding_days_off_changes_nothing(found: dict, place: int, kind: str) -> None:
    """A letter whose answer comes before the next working day, anywhere in a history, takes no counted day out."""
    closed = any(event["type"] in CLOSING for event in found["events"])
    horizon = found["events"][-1]["on"] if closed else min(later(found["as_of"], 15), "2030-12-20")
    spans = list(off_days(found["received_on"], horizon))
    assume(spans)
    sent, end = spans[place % len(spans)]
    asked = {**found, "as_of": max(found["as_of"], end)}
    assert ask({**asked, "events": among(found["events"], consult(sent, "off", kind), heard(end, "off"))}) == ask(asked)


def off_days(first: str, last: str) -> Iterator[tuple[str, str]]:
    """(a day, the last of the days off that follow it) for each run of days off between two days."""
    day = date.fromisoformat(first)
    while (end := day + timedelta(days=1)).isoformat() <= last:
        if not CALENDAR.is_working(end):
            while not CALENDAR.is_working(end + timedelta(days=1)):
                end += timedelta(days=1)
            if end.isoformat() <= last:
                yield day.isoformat(), end.isoformat()
        day = end


def among(events: list[dict], *new: dict) -> list[dict]:
    """New events in their places by day, before those of the same day."""
    return sorted([*new, *events], key=lambda event: event["on"])


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
