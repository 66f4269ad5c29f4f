"""Where a case stands follows from its facts, in whatever order they were recorded."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.requests.applications.history import Fact, Position, ordered, reading, standing
from services.requests.applications.rules import CLOSED_STATES, EntryType, Standing
from services.requests.clock.errors import IllegalEvent
from services.requests.desk import packaged_rules
from shared.calendar import national
from shared.events.requests import ApplicationState

CALENDAR, RULES = national(), packaged_rules()
RECEIVED = st.dates(date(2020, 1, 1), date(2025, 12, 1))


def stand(position: Position, facts: list[Fact], today: date, new: Fact | None = None) -> Standing:
    return standing(position, facts, calendar=CALENDAR, rules=RULES, today=today, new=new)


def fact(sequence: int, type: EntryType, on: date, **data: Any) -> Fact:
    return Fact(sequence, type, on, data)


@given(RECEIVED, st.integers(0, 60))
def test_a_plain_case_counts_twenty_days(received_on: date, later: int) -> None:
    today = received_on + timedelta(days=later)
    found = stand(Position(received_on), [], today)
    assert found.due_on == CALENDAR.add_working_days(received_on, 20)
    assert found.left is not None
    assert found.counted + found.left == 20
    assert found.state == (ApplicationState.OVERDUE if today > found.due_on else ApplicationState.RUNNING)


def test_without_a_receipt_day_no_clock_runs() -> None:
    today = date(2026, 6, 11)
    assert stand(Position(None), [], today) == Standing(ApplicationState.AWAITING_CONFIRMATION)
    gone = fact(1, EntryType.WITHDRAWN, today)
    assert stand(Position(None), [gone], today) == Standing(ApplicationState.WITHDRAWN)
    assert reading(Position(None), [], calendar=CALENDAR, rules=RULES, as_of=today) is None


@given(RECEIVED, st.permutations(range(4)))
def test_the_order_of_recording_does_not_matter(received_on: date, order: list[int]) -> None:
    """A clerk who notes a letter later gets the same dates."""
    days = [CALENDAR.add_working_days(received_on, n) for n in (2, 4, 6, 9)]
    happened = [
        (EntryType.CONSULTATION_STARTED, {"consultation": "a", "kind": "third_party"}),
        (EntryType.CONSULTATION_DELIVERED, {"consultation": "a"}),
        (EntryType.CONSULTATION_ENDED, {"consultation": "a"}),
        (EntryType.EXTENDED, {"working_days": 5}),
    ]
    in_order = [Fact(n, type, day, data) for n, ((type, data), day) in enumerate(zip(happened, days, strict=True))]
    recorded = [Fact(sequence, in_order[n].type, in_order[n].on, in_order[n].data) for sequence, n in enumerate(order)]
    expected = stand(Position(received_on), in_order, days[-1])
    assert stand(Position(received_on), recorded, days[-1]) == expected
    assert expected.due_on == CALENDAR.add_working_days(received_on, 20 + 5 + 4)


@given(RECEIVED, st.integers(1, 20), st.integers(0, 40))
def test_a_new_fact_is_judged_and_an_old_one_is_not(received_on: date, days: int, later: int) -> None:
    on = received_on + timedelta(days=later)
    extension = fact(1, EntryType.EXTENDED, on, working_days=days)
    position = Position(received_on)
    on_record = stand(position, [extension], on)
    assert on_record.due_on == CALENDAR.add_working_days(received_on, 20 + days)
    if on > CALENDAR.add_working_days(received_on, 20):
        with pytest.raises(IllegalEvent):
            stand(position, [extension], on, new=extension)
    else:
        assert stand(position, [extension], on, new=extension) == on_record


@given(RECEIVED)
def test_an_open_ended_pause_moves_daily_and_a_term_does_not(received_on: date) -> None:
    today = CALENDAR.add_working_days(received_on, 3)
    kinds = {"third_party": False, "joint_organ": False, "other_organ": True}
    for kind, moves in kinds.items():
        started = fact(1, EntryType.CONSULTATION_STARTED, received_on, consultation="a", kind=kind)
        found = stand(Position(received_on), [started], today)
        assert found.state is ApplicationState.PAUSED
        assert found.moves_daily is moves
        until = None if moves else CALENDAR.add_working_days(received_on, 15)
        assert found.paused_until == until
        tomorrow = stand(Position(received_on), [started], CALENDAR.add_working_days(today, 1))
        assert tomorrow.due_on is not None
        assert found.due_on is not None
        assert (tomorrow.due_on > found.due_on) is moves


@given(RECEIVED, st.sampled_from([EntryType.REPLIED, EntryType.WITHDRAWN, EntryType.ABANDONED]), st.integers(0, 50))
def test_an_end_is_an_end_for_ever(received_on: date, end: EntryType, later: int) -> None:
    on = CALENDAR.add_working_days(received_on, 5)
    facts = (
        [fact(1, EntryType.CORRECTION_NOTICE, on), fact(2, end, on)]
        if end is EntryType.ABANDONED
        else [fact(1, end, on)]
    )
    found = stand(Position(received_on), facts, on + timedelta(days=later))
    assert found.closed
    assert found.state in CLOSED_STATES


@given(RECEIVED, RECEIVED)
def test_an_override_is_obeyed_whatever_the_day(received_on: date, other: date) -> None:
    assume(received_on != other)
    found = stand(Position(received_on, "PIR-2007"), [], received_on)
    assert (found.regulation, found.due_on) == ("PIR-2007", CALENDAR.add_working_days(received_on, 15))


@given(st.lists(st.tuples(st.integers(1, 99), RECEIVED), max_size=10))
def test_facts_are_read_by_day_and_within_a_day_as_recorded(pairs: list[tuple[int, date]]) -> None:
    facts = [fact(sequence, EntryType.SIGNED_FOR, on) for sequence, on in pairs]
    keys = [(each.on, each.sequence) for each in ordered(facts)]
    assert keys == sorted(keys)
