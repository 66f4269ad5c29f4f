"""Dates that were computed by hand on the published calendars, and the awkward days."""

from datetime import UTC, date, datetime

import pytest

from shared.calendar import civil_day, national
from shared.statutes import Grade, Rule, Unit
from shared.statutes import due as period_end
from tests.unit.clock.cases import ask, case, consult, due, error, event, heard, reasons


@pytest.mark.parametrize(
    ("received_on", "extension", "last"),
    [
        ("2017-05-24", 0, "2017-06-15"),
        ("2017-09-25", 0, "2017-10-20"),
        ("2026-09-18", 0, "2026-10-22"),
        ("2026-09-18", 20, "2026-11-19"),
        ("2026-02-10", 0, "2026-03-16"),
        ("2026-04-27", 0, "2026-05-27"),
        ("2026-11-20", 0, "2026-12-18"),
        ("2026-12-03", 0, "2026-12-31"),
    ],
)
def test_statute_vectors(received_on: str, extension: int, last: str) -> None:
    events = [event("extended", received_on, working_days=extension)] if extension else []
    assert due(received_on, *events) == last


def test_the_seventh_working_day_for_the_correction_notice() -> None:
    assert error("2026-09-18", event("correction_notice", "2026-09-29")) is None
    assert error("2026-09-18", event("correction_notice", "2026-09-30")) == "correction_notice_late"


def test_exclusions_do_not_lengthen_the_seven_days() -> None:
    assert (
        error("2026-09-18", consult("2026-09-18"), event("correction_notice", "2026-09-30")) == "correction_notice_late"
    )


def test_both_regulations_for_one_receipt_day() -> None:
    assert due("2017-05-24", regulation="PIR-2007") == "2017-06-15"
    assert due("2017-05-24", regulation="PIR-2019") == "2017-06-22"
    assert due("2026-09-18", regulation="PIR-2007") == "2026-10-15"


def test_the_receipt_day_chooses_the_regulation_and_a_restart_does_not_change_it() -> None:
    assert ask(case("2019-05-14"))["regulation"] == "PIR-2007"
    assert ask(case("2019-05-15"))["regulation"] == "PIR-2019"
    restarted = ask(case("2019-05-10", event("correction_notice", "2019-05-13"), event("corrected", "2019-05-20")))
    assert restarted["regulation"] == "PIR-2007"
    assert restarted["due_on"] == "2019-06-11"


def test_a_receipt_on_a_make_up_sunday() -> None:
    # 2026-09-20 is a Sunday that works: day zero, not counted; 09-21 is the first day.
    assert due("2026-09-20") == "2026-10-23"
    assert reasons(ask(case("2026-09-20")))["2026-09-20"] == "receipt"


def test_a_last_day_on_a_make_up_sunday() -> None:
    # 15 working days after Friday 2017-09-08 end on Saturday 09-30; 20 after 2026-08-21 on Sunday 2026-09-20 less one.
    assert due("2017-09-08") == "2017-09-29"
    assert due("2017-09-11") == "2017-09-30"
    assert date(2017, 9, 30).weekday() == 5
    assert due("2026-08-23") == "2026-09-18"
    assert due("2026-08-24") == "2026-09-20"
    assert date(2026, 9, 20).weekday() == 6


def test_a_reminder_day_on_a_make_up_sunday() -> None:
    assert national().nth_before(date(2026, 9, 23), 3) == date(2026, 9, 20)
    assert national().nth_before(date(2026, 9, 21), 1) == date(2026, 9, 20)


def test_a_receipt_inside_a_holiday_counts_from_the_first_working_day_after() -> None:
    assert due("2026-10-03") == due("2026-09-30")


def test_pausing_twice() -> None:
    once = due("2026-09-18", consult("2026-09-21"), heard("2026-09-23"))
    assert once == "2026-10-26"
    twice = due(
        "2026-09-18", consult("2026-09-21"), heard("2026-09-23"), consult("2026-10-12", "m"), heard("2026-10-14", "m")
    )
    assert twice == "2026-10-28"


def test_overlapping_pauses_are_merged() -> None:
    events = (
        consult("2026-09-21"),
        consult("2026-09-22", "m", "other_organ"),
        heard("2026-09-24"),
        heard("2026-09-28", "m"),
    )
    # 09-22…09-28 holds four working days (22, 23, 24, 28).
    assert due("2026-09-18", *events) == "2026-10-28"


def test_a_resume_on_a_holiday() -> None:
    # The opinion arrives on 2026-10-03: only 09-29 and 09-30 are taken out.
    assert due("2026-09-18", consult("2026-09-28"), heard("2026-10-03")) == "2026-10-26"


def test_a_pause_across_a_restart_goes_on_excluding() -> None:
    events = (
        consult("2026-09-21", kind="other_organ"),
        event("correction_notice", "2026-09-22"),
        event("corrected", "2026-09-28"),
        heard("2026-10-09"),
    )
    answer = ask(case("2026-09-18", *events))
    # Day zero 09-28; 09-29, 09-30, 10-08, 10-09 are the other organ's; 10-10 (a Saturday that works) is the first day.
    assert answer["due_on"] == "2026-11-05"
    assert reasons(answer)["2026-09-29"] == "other_organ"
    assert reasons(answer)["2026-10-10"] == "make_up_day"


def test_the_term_of_a_pause_across_a_restart_is_still_from_its_own_delivery() -> None:
    events = (
        consult("2026-03-02", delivered_on="2026-03-03"),
        event("correction_notice", "2026-03-04"),
        event("corrected", "2026-03-10"),
    )
    answer = ask(case("2026-03-02", *events, as_of="2026-03-20"))
    assert [day for day, reason in reasons(answer).items() if reason == "third_party"][-1] == "2026-03-24"


def test_an_extension_on_the_last_day_and_one_day_too_late() -> None:
    assert due("2026-09-18", event("extended", "2026-10-22", working_days=20)) == "2026-11-19"
    assert error("2026-09-18", event("extended", "2026-10-23", working_days=20)) == "extension_after_expiry"


def test_a_late_opinion_does_not_cure_lateness() -> None:
    # Sent 2026-03-02: the term ends 2026-03-23; the opinion of 04-30 takes out no more days than the term.
    assert due("2026-03-02", consult("2026-03-02"), heard("2026-04-30")) == due("2026-03-02", consult("2026-03-02"))


@pytest.mark.parametrize("as_of", ["2026-03-02", "2026-03-10", "2026-03-23", "2026-03-24", "2026-05-20"])
def test_an_open_consultation_takes_out_its_whole_term_and_no_more_whenever_it_is_asked(as_of: str) -> None:
    # Sent on 2026-03-02, the term ends 03-23: the 20 days begin on 03-24, and 04-06 is off.
    assert due("2026-03-02", consult("2026-03-02"), as_of=as_of) == "2026-04-21"


def test_what_is_counted_while_a_consultation_is_under_way() -> None:
    # 09-20 (a Sunday that works) and 09-21 are counted; the letter of 09-21 takes out what follows.
    counted = {
        kind: [
            ask(case("2026-09-18", consult("2026-09-21", kind=kind), as_of=as_of))["counted"]
            for as_of in ("2026-09-21", "2026-09-22", "2026-09-24", "2026-10-19")
        ]
        for kind in ("third_party", "other_organ")
    }
    # The third party's fifteen days end on 2026-10-19, the other organ has no term: both still take everything out.
    assert counted == {"third_party": [2, 2, 2, 2], "other_organ": [2, 2, 2, 2]}
    later = [
        ask(case("2026-09-18", consult("2026-09-21", kind=kind), as_of="2026-10-20"))["counted"]
        for kind in ("third_party", "other_organ")
    ]
    assert later == [3, 2]


@pytest.mark.parametrize(
    ("start", "unit", "count", "last"),
    [
        (date(2017, 6, 22), Unit.WORKING_DAY, 10, date(2017, 7, 6)),  # 004, from 印发
        (date(2017, 6, 22), Unit.WORKING_DAY, 5, date(2017, 6, 29)),
        (date(2017, 6, 20), Unit.WORKING_DAY, 10, date(2017, 7, 4)),  # 004, had it named 成文
        (date(2017, 5, 8), Unit.WORKING_DAY, 30, date(2017, 6, 20)),  # 001, from publication
        (date(2017, 5, 3), Unit.WORKING_DAY, 30, date(2017, 6, 15)),  # 001, had it named its own date
        (date(2017, 5, 24), Unit.WORKING_DAY, 3, date(2017, 5, 27)),  # 002: a Saturday that works
    ],
)
def test_the_source_plans(start: date, unit: Unit, count: int, last: date) -> None:
    """Days that a rule row counts, as the plans of statutes §5.4 have them."""
    row = Rule("plan", count, unit, "", "publish", "源计划", Grade.PLAN, date(2017, 1, 1))
    assert period_end(row, start, national()) == last


def test_29_february() -> None:
    assert due("2024-02-29") == "2024-03-28"
    assert due("2028-02-29") == "2028-03-28"
    assert error("2026-02-29") == "bad_field"


def test_year_ends_and_new_years_holidays_that_begin_in_the_old_year() -> None:
    ledger = reasons(ask(case("2018-12-21")))
    assert ledger["2018-12-29"] == "make_up_day"
    assert ledger["2018-12-30"] == "weekend"
    assert ledger["2018-12-31"] == "holiday"
    assert ledger["2019-01-01"] == "holiday"
    assert reasons(ask(case("2011-12-26")))["2011-12-31"] == "make_up_day"


def test_the_early_morning_in_shanghai_is_that_day() -> None:
    assert civil_day(datetime(2026, 9, 17, 16, 0, tzinfo=UTC)) == date(2026, 9, 18)
    assert civil_day(datetime(2026, 9, 17, 15, 59, 59, tzinfo=UTC)) == date(2026, 9, 17)
    assert civil_day(datetime(2026, 9, 17, 23, 59, 59, tzinfo=UTC)) == date(2026, 9, 18)
