"""The contract of `lantai clock explain`, sentence by sentence; what it left to read is read here."""

import pytest

from shared.calendar import national, parse_notices
from tests.unit.clock.cases import (
    ANSWER,
    FEE,
    NOTICE,
    PAID,
    REPLY,
    ask,
    case,
    consult,
    due,
    error,
    event,
    heard,
    reasons,
)


def test_a_bare_case() -> None:
    answer = ask(case("2026-09-18"))
    assert list(answer) == ["id", "regulation", "state", "due_on", "provisional", "counted", "left", "ledger"]
    assert answer["state"] == "running"
    assert (answer["counted"], answer["left"]) == (0, 20)
    assert list(answer["ledger"][0]) == ["on", "counted", "reason", "citation"]


def test_without_as_of_the_answer_is_true_on_the_day_of_the_last_event_and_never_today() -> None:
    assert ask(case("2010-03-01"))["state"] == "running"
    assert ask(case("2010-03-01", event("extended", "2010-03-05", working_days=1)))["counted"] == 4


def test_null_counts_as_absent_and_unknown_fields_are_ignored() -> None:
    plain = ask(case("2026-09-18", consult("2026-09-21")))
    null = case("2026-09-18", consult("2026-09-21", delivered_on=None), regulation=None, as_of=None)
    assert ask(null) == plain
    assert ask({**null, "colour": [1], "delivered_on": "never"}) == plain


def test_fields_of_other_types_of_event_are_ignored() -> None:
    assert error("2026-09-18", event("replied", "2026-09-21", working_days="many", delivered_on="x", kind=3)) is None


def test_waiting_has_no_due_day_and_a_plain_number_left() -> None:
    extended = event("extended", "2026-09-21", working_days=5)
    answer = ask(case("2026-09-18", extended, NOTICE, as_of="2026-09-24"))
    assert answer["state"] == "awaiting_correction"
    assert answer["due_on"] is None
    assert answer["provisional"] is False
    assert (answer["counted"], answer["left"]) == (0, 20)
    ledger = reasons(answer)
    assert list(ledger) == [f"2026-09-{day}" for day in range(18, 25)]
    assert ledger["2026-09-18"] == "receipt"
    assert ledger["2026-09-20"] == ledger["2026-09-22"] == "restarted"
    assert ledger["2026-09-23"] == ledger["2026-09-24"] == "awaiting_correction"


def test_a_restart_begins_anew_and_drops_what_was_counted_and_extended() -> None:
    extended = event("extended", "2026-09-21", working_days=5)
    answer = ask(case("2026-09-18", extended, NOTICE, ANSWER))
    assert answer["due_on"] == due("2026-09-28")
    assert (answer["counted"], answer["left"]) == (0, 20)
    ledger = reasons(answer)
    assert ledger["2026-09-19"] == ledger["2026-09-22"] == "restarted"
    assert ledger["2026-09-23"] == ledger["2026-09-27"] == ledger["2026-09-28"] == "awaiting_correction"
    assert ledger["2026-09-29"] == "working_day"


def test_a_notice_answered_on_the_same_day_leaves_a_restarted_day() -> None:
    answer = ask(case("2026-09-18", NOTICE, event("corrected", "2026-09-22")))
    assert reasons(answer)["2026-09-22"] == "restarted"
    assert answer["due_on"] == due("2026-09-22")


def test_a_payment_on_a_day_off_is_day_zero() -> None:
    answer = ask(case("2026-09-18", FEE, PAID))
    assert answer["due_on"] == due("2026-10-04") == "2026-11-03"
    assert reasons(answer)["2026-10-04"] == "awaiting_fee"


def test_two_restarts_leave_each_wait_its_own_reason() -> None:
    events = event("correction_notice", "2026-03-02"), event("corrected", "2026-03-04")
    events += event("fee_notice", "2026-03-06"), event("fee_paid", "2026-03-10")
    ledger = reasons(ask(case("2026-03-02", *events)))
    assert ledger["2026-03-03"] == ledger["2026-03-04"] == "awaiting_correction"
    assert ledger["2026-03-05"] == ledger["2026-03-06"] == "restarted"
    assert ledger["2026-03-07"] == ledger["2026-03-10"] == "awaiting_fee"
    assert ledger["2026-03-11"] == "working_day"


def test_the_2019_text_excludes_all_three_kinds_and_the_2007_text_third_parties_only() -> None:
    for kind in ("third_party", "joint_organ", "other_organ"):
        assert due("2026-03-02", consult("2026-03-02", kind=kind), heard("2026-03-04")) == "2026-04-01"
    assert due("2010-03-01", consult("2010-03-01"), heard("2010-03-03")) == "2010-03-24"
    for kind in ("joint_organ", "other_organ"):
        assert due("2010-03-01", consult("2010-03-01", kind=kind), heard("2010-03-03")) == due("2010-03-01")


def test_only_third_party_and_joint_organ_under_2019_have_a_term() -> None:
    for kind in ("third_party", "joint_organ"):
        assert due("2026-03-02", consult("2026-03-02", kind=kind), as_of="2026-06-30") == "2026-04-21"
    assert due("2026-03-02", consult("2026-03-02", kind="other_organ"), as_of="2026-06-30") == "2026-07-28"
    assert due("2010-03-01", consult("2010-03-01"), as_of="2010-03-31") == "2010-04-22"


def test_the_term_runs_from_delivery() -> None:
    assert due("2026-03-02", consult("2026-03-02", delivered_on="2026-03-05")) == "2026-04-24"


def test_a_delivery_after_the_end_or_after_later_events_is_legal() -> None:
    assert error("2026-03-02", consult("2026-03-02", delivered_on="2026-03-20"), heard("2026-03-04"), REPLY) is None


def test_a_consultation_on_or_after_the_due_day_is_legal_and_changes_nothing() -> None:
    for day in ("2026-10-22", "2026-10-26"):
        assert due("2026-09-18", consult(day, kind="other_organ"), as_of="2026-11-10") == "2026-10-22"


def test_a_consultation_begun_the_day_before_the_due_day_takes_the_due_day_out() -> None:
    assert due("2026-09-18", consult("2026-10-21", kind="other_organ"), as_of="2026-10-22") == "2026-10-23"


@pytest.mark.parametrize(
    ("as_of", "state"), [("2026-10-21", "running"), ("2026-10-22", "running"), ("2026-10-23", "overdue")]
)
def test_overdue_only_after_the_due_day(as_of: str, state: str) -> None:
    answer = ask(case("2026-09-18", as_of=as_of))
    assert answer["state"] == state
    assert answer["counted"] + answer["left"] == 20


@pytest.mark.parametrize(("on", "state"), [("2026-10-22", "replied"), ("2026-10-23", "replied_late")])
def test_a_reply_is_judged_by_its_own_day(on: str, state: str) -> None:
    answer = ask(case("2026-09-18", event("replied", on), as_of="2026-12-31"))
    assert answer["state"] == state
    assert answer["ledger"][-1]["on"] == "2026-10-22"


def test_a_closed_case_is_asked_on_its_closing_day() -> None:
    open_, close = consult("2026-09-21", kind="other_organ"), event("withdrawn", "2026-09-24")
    early, late = (ask(case("2026-09-18", open_, close, as_of=day)) for day in ("2026-09-24", "2026-12-31"))
    assert early == late
    assert early["state"] == "withdrawn"


def test_a_reply_while_waiting_is_legal_and_has_no_due_day() -> None:
    answer = ask(case("2026-09-18", NOTICE, REPLY))
    assert (answer["state"], answer["due_on"], answer["left"]) == ("replied", None, 20)
    assert answer["ledger"][-1]["on"] == REPLY["on"]


def test_a_late_reply_after_which_the_case_is_withdrawn_says_after_close() -> None:
    assert error("2026-09-18", REPLY, event("withdrawn", REPLY["on"])) == "after_close"


@pytest.mark.parametrize(
    ("as_of", "state"), [("2026-03-02", "paused"), ("2026-03-23", "paused"), ("2026-03-24", "running")]
)
def test_paused_through_the_term(as_of: str, state: str) -> None:
    assert ask(case("2026-03-02", consult("2026-03-02"), as_of=as_of))["state"] == state


def test_a_consultation_that_does_not_exclude_does_not_pause() -> None:
    assert ask(case("2010-03-01", consult("2010-03-02", kind="other_organ")))["state"] == "running"


def test_paused_is_said_before_running_but_after_overdue() -> None:
    late = consult("2026-10-22", kind="other_organ")
    assert ask(case("2026-09-18", late))["state"] == "paused"
    assert ask(case("2026-09-18", late, as_of="2026-10-23"))["state"] == "overdue"


def test_two_consultations_on_one_day_read_as_the_one_that_started_first() -> None:
    answer = ask(
        case(
            "2026-03-02",
            consult("2026-03-03", "a", "other_organ"),
            consult("2026-03-04", "b"),
            heard("2026-03-06", "a"),
        )
    )
    ledger = reasons(answer)
    assert ledger["2026-03-04"] == ledger["2026-03-05"] == ledger["2026-03-06"] == "other_organ"
    assert ledger["2026-03-07"] == "weekend"
    assert ledger["2026-03-09"] == "third_party"


def test_days_off_keep_their_reason_under_a_consultation() -> None:
    ledger = reasons(ask(case("2026-09-18", consult("2026-09-24"))))
    assert ledger["2026-09-25"] == "holiday"
    assert ledger["2026-09-26"] == "weekend"
    assert ledger["2026-10-10"] == "third_party"


def test_extensions_in_sum_up_to_the_cap() -> None:
    ten, eleven = (event("extended", "2026-09-21", working_days=n) for n in (10, 11))
    assert due("2026-09-18", ten, ten) == "2026-11-19"
    assert error("2026-09-18", ten, eleven) == "extension_over_cap"
    assert error("2010-03-01", event("extended", "2010-03-02", working_days=16)) == "extension_over_cap"
    assert error("2026-09-18", event("extended", "2026-09-21", working_days=10**30)) == "extension_over_cap"


def test_a_restart_gives_the_extension_back() -> None:
    twenty = event("extended", "2026-09-21", working_days=20)
    again = event("extended", "2026-09-29", working_days=20)
    assert due("2026-09-18", twenty, NOTICE, ANSWER, again) == due("2026-09-28", again)


def test_2007_sets_no_limit_to_correction_notices() -> None:
    events = [event(type_, f"2010-0{month}-15") for month in (4, 5, 6) for type_ in ("correction_notice", "corrected")]
    assert due("2010-03-01", *events) == due("2010-06-15")


def test_an_open_consultation_keeps_the_due_day_open_for_a_fee_notice() -> None:
    waits = consult("2026-10-20", kind="other_organ")
    assert error("2026-09-18", event("fee_notice", "2026-11-30")) == "fee_notice_after_expiry"
    assert error("2026-09-18", waits, event("fee_notice", "2026-11-30")) is None


# —— provisional ——


@pytest.mark.parametrize(
    ("received_on", "last", "expected"), [("2026-11-30", "2026-12-28", False), ("2026-12-01", "2026-12-29", True)]
)
def test_provisional_after_28_december(received_on: str, last: str, expected: bool) -> None:
    answer = ask(case(received_on))
    assert (answer["due_on"], answer["provisional"]) == (last, expected)


def test_on_a_provisional_day_nothing_is_late() -> None:
    assert ask(case("2027-03-01", as_of="2027-12-31"))["state"] == "running"
    assert ask(case("2027-03-01", event("replied", "2027-12-31")))["state"] == "replied"
    assert error("2027-03-01", event("extended", "2027-12-30", working_days=1)) is None
    assert error("2027-03-01", event("fee_notice", "2027-12-30")) is None
    assert ask(case("2027-03-01", consult("2027-03-29", kind="other_organ"), as_of="2027-12-31"))["state"] == "paused"


def test_the_correction_notice_has_its_own_limit_on_a_provisional_day_too() -> None:
    """The contract lists what is not late on a provisional day; `correction_notice_late` is not in the list."""
    assert error("2027-03-01", event("correction_notice", "2027-03-10")) is None
    assert error("2027-03-01", event("correction_notice", "2027-03-11")) == "correction_notice_late"


def test_a_year_without_a_notice_has_the_statutory_days_only() -> None:
    ledger = reasons(ask(case("2027-01-28")))
    assert ledger["2027-02-05"] == ledger["2027-02-08"] == "holiday"
    assert ledger["2027-02-06"] == "weekend"
    assert ledger["2027-02-09"] == "working_day"
    assert reasons(ask(case("2027-04-26")))["2027-05-03"] == "working_day"


def test_a_calendar_file_replaces_a_year_whatever_as_of_is() -> None:
    (notice,) = parse_notices({"year": 2027, "holidays": ["2027-01-01"], "make_up_days": ["2027-01-02"]})
    answer = ask(case("2026-12-25", as_of="2026-12-26"), national().with_year(notice))
    assert answer["due_on"] == "2027-01-22"
    assert answer["provisional"] is False
    assert reasons(answer)["2027-01-02"] == "make_up_day"
    assert all(row["citation"] for row in answer["ledger"])
