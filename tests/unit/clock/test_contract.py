"""The contract of `lantai clock explain`, sentence by sentence; what it left to read is read here."""

import json

import pytest

from services.requests.clock.explain import Explainer
from services.requests.clock.jsonl import batches
from shared.calendar import national, parse_notices
from tests.unit.clock.cases import RULES, ask, case, consult, due, error, event, heard, reasons

NOTICE, ANSWER = event("correction_notice", "2026-09-22"), event("corrected", "2026-09-28")
FEE, PAID = event("fee_notice", "2026-09-22"), event("fee_paid", "2026-10-04")
REPLY = event("replied", "2026-10-09")


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


# —— errors ——

ERRORS = [
    ("bad_json", b"{"),
    ("bad_json", b"[1]"),
    ("bad_json", b'"text"'),
    ("bad_json", b"\xff{}"),
    ("bad_json", b'{"id":"a","received_on":"2026-09-18","events":[]} {}'),
    ("bad_field", {"id": "c"}),
    ("bad_field", {"id": "c", "received_on": "2026-09-18"}),
    ("bad_field", {"id": "c", "received_on": "2026-09-18", "events": None}),
    ("bad_field", {"id": "c", "received_on": "2026-09-18", "events": {}}),
    ("bad_field", {"id": "c", "received_on": None, "events": []}),
    ("bad_field", case("20260918")),
    ("bad_field", case("2026-W38-5")),
    ("bad_field", case("2026-09-18T00:00:00")),
    ("bad_field", case("2026-09-31")),
    ("bad_field", case("0000-01-01")),
    ("bad_field", case(" 2026-09-18")),
    ("bad_field", case("２０２６-09-18")),
    ("bad_field", case("2026-09-18", as_of="tomorrow")),
    ("bad_field", case("2026-09-18", as_of=20261015)),
    ("bad_field", case("2026-09-18", regulation="PIR-2020")),
    ("bad_field", case("2026-09-18", regulation=["PIR-2019"])),
    ("bad_field", case("2026-09-18", event("sneezed", "2026-09-21"))),
    ("bad_field", case("2026-09-18", {"type": "replied"})),
    ("bad_field", case("2026-09-18", {"on": "2026-09-21"})),
    ("bad_field", {**case("2026-09-18"), "events": [[]]}),
    ("bad_field", {**case("2026-09-18"), "events": ["replied"]}),
    ("bad_field", case("2026-09-18", consult("2026-09-21", kind="friend"))),
    ("bad_field", case("2026-09-18", consult("2026-09-21", kind=["third_party"]))),
    ("bad_field", case("2026-09-18", event("consultation_started", "2026-09-21", kind="third_party"))),
    ("bad_field", case("2026-09-18", event("consultation_ended", "2026-09-21", id=7))),
    ("bad_field", case("2026-09-18", event("extended", "2026-09-21"))),
    ("bad_field", case("2026-09-18", event("extended", "2026-09-21", working_days=0))),
    ("bad_field", case("2026-09-18", event("extended", "2026-09-21", working_days=True))),
    ("bad_field", case("2026-09-18", event("extended", "2026-09-21", working_days=5.0))),
    ("bad_field", case("2026-09-18", event("extended", "2026-09-21", working_days="5"))),
    ("out_of_range", case("2008-04-30")),
    ("out_of_range", case("2031-01-01")),
    ("out_of_range", case("2026-09-18", as_of="2031-01-01")),
    ("out_of_range", case("2026-09-18", event("replied", "2031-01-01"))),
    ("out_of_range", case("2026-09-18", consult("2026-09-21", delivered_on="9999-12-31"))),
    ("bad_field", case("2007-01-01", as_of="then")),
    ("out_of_order", case("2026-09-18", event("replied", "2026-09-17"))),
    ("out_of_order", case("2026-09-18", FEE, consult("2026-09-21"))),
    ("out_of_order", case("2026-09-18", REPLY, as_of="2026-10-08")),
    ("out_of_order", case("2026-09-18", as_of="2026-09-17")),
    ("after_close", case("2026-09-18", REPLY, consult("2026-10-10"))),
    ("already_waiting", case("2026-09-18", NOTICE, FEE)),
    (
        "already_waiting",
        case("2010-03-01", event("correction_notice", "2010-03-02"), event("correction_notice", "2010-03-03")),
    ),
    (
        "second_notice",
        case("2026-09-18", NOTICE, event("corrected", "2026-09-23"), event("correction_notice", "2026-09-24")),
    ),
    ("second_notice", case("2026-09-18", FEE, PAID, event("fee_notice", "2026-10-12"))),
    ("correction_notice_late", case("2026-09-18", event("correction_notice", "2026-09-30"))),
    ("fee_not_in_force", case("2020-12-21", event("fee_notice", "2020-12-31"))),
    ("fee_not_in_force", case("2026-09-18", FEE, regulation="PIR-2007")),
    ("fee_notice_after_expiry", case("2026-09-18", event("fee_notice", "2026-10-23"))),
    ("not_awaited", case("2026-09-18", ANSWER)),
    ("not_awaited", case("2026-09-18", PAID)),
    ("not_awaited", case("2026-09-18", NOTICE, PAID)),
    ("duplicate_consultation", case("2026-09-18", consult("2026-09-21"), heard("2026-09-22"), consult("2026-09-23"))),
    ("delivered_before_sent", case("2026-09-18", consult("2026-09-21", delivered_on="2026-09-20"))),
    ("unknown_consultation", case("2026-09-18", heard("2026-09-21"))),
    ("unknown_consultation", case("2026-09-18", consult("2026-09-21"), heard("2026-09-22"), heard("2026-09-22"))),
    ("extension_while_waiting", case("2026-09-18", NOTICE, event("extended", "2026-09-23", working_days=1))),
    ("extension_over_cap", case("2026-09-18", event("extended", "2026-09-23", working_days=21))),
    ("extension_after_expiry", case("2026-09-18", event("extended", "2026-10-23", working_days=1))),
]


@pytest.mark.parametrize(("code", "asked"), ERRORS)
def test_every_error(code: str, asked: object) -> None:
    answer = ask(asked)
    assert list(answer) == ["id", "error", "detail"]
    assert answer["error"] == code
    assert answer["detail"]
    assert answer["id"] == ("c" if isinstance(asked, dict) else None)


@pytest.mark.parametrize("digits", [19, 30, 300, 5000])
def test_numbers_of_any_size_are_numbers(digits: int) -> None:
    plain = ask(case("2026-09-18"))
    line = json.dumps({**case("2026-09-18"), "x": "@"}).replace('"@"', "9" * digits)
    assert ask(line.encode()) == plain
    assert ask(line.replace('"c"', "null").encode())["error"] == "bad_field"
    told = json.dumps(case("2026-09-18", event("extended", "2026-09-21", working_days="@")))
    assert ask(told.replace('"@"', "9" * digits).encode())["error"] == "extension_over_cap"
    assert ask(told.replace('"@"', "-" + "9" * digits).encode())["error"] == "bad_field"
    assert ask(told.replace('"@"', "1e999").encode())["error"] == "bad_field"


@pytest.mark.parametrize("depth", [100, 990, 1020, 5000, 100_000])
def test_a_line_however_deep_is_answered(depth: int) -> None:
    line = json.dumps({**case("2026-9-18"), "x": "@"}).replace('"@"', "[" * depth + "]" * depth)
    assert ask(line.encode())["error"] in ("bad_field", "bad_json")


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", '"\\ud800"', "01", "'x'", "[1,]", '"\t"'])
def test_what_only_looks_like_json(value: str) -> None:
    line = json.dumps({**case("2026-09-18"), "x": "@"}).replace('"@"', value)
    assert ask(line.encode())["error"] == "bad_json"


def test_an_id_that_is_not_a_string_is_echoed_as_null() -> None:
    for id in (None, 7, ["c"]):
        assert ask({**case("2026-09-18"), "id": id}) | {"detail": ""} == {
            "id": None,
            "error": "bad_field",
            "detail": "",
        }
    assert ask({"received_on": "2026-09-18", "events": []})["id"] is None


def test_an_id_comes_back_as_it_was() -> None:
    for id in ("", '引号" 与 \\ 换行\n', "😀", "\u2028"):
        assert ask({**case("2026-09-18"), "id": id})["id"] == id


# —— citations ——

IN_FORCE = {
    "492号": ("2008-05-01", "2019-05-14"),
    "711号": ("2019-05-15", "9999-12-31"),
    "109号": ("2021-01-01", "9999-12-31"),
    "民法通则": ("1987-01-01", "2017-09-30"),
    "民法总则": ("2017-10-01", "2020-12-31"),
    "民法典": ("2021-01-01", "9999-12-31"),
    "513号": ("2008-01-01", "2013-12-31"),
    "644号": ("2014-01-01", "2024-12-31"),
    "795号": ("2025-01-01", "9999-12-31"),
}


@pytest.mark.parametrize("regulation", ["PIR-2007", "PIR-2019"])
@pytest.mark.parametrize(
    "received_on", ["2008-09-01", "2013-12-02", "2017-09-11", "2019-04-29", "2020-12-14", "2026-11-30"]
)
def test_every_citation_was_in_force_on_its_day(received_on: str, regulation: str) -> None:
    events = [consult(received_on, kind, kind) for kind in ("third_party", "joint_organ", "other_organ")]
    waits = [event("correction_notice", received_on), event("corrected", received_on)]
    for history in (events, waits, [*waits, *events], waits[:1]):
        answer = ask(case(received_on, *history, regulation=regulation, as_of=f"{int(received_on[:4]) + 1}-01-31"))
        for row in answer["ledger"]:
            assert row["citation"]
            for name, (since, until) in IN_FORCE.items():
                assert name not in row["citation"] or since <= row["on"] <= until, row


def test_a_2007_restart_is_unconfirmed_whatever_the_day() -> None:
    events = event("correction_notice", "2019-05-13"), event("corrected", "2019-05-20")
    for row in ask(case("2019-05-10", *events))["ledger"]:
        unconfirmed = row["reason"] in ("restarted", "awaiting_correction")
        assert not unconfirmed or "待确认" in row["citation"], row


def test_an_unconfirmed_article_says_so() -> None:
    answer = ask(case("2026-09-18", FEE, as_of="2026-09-23"))
    assert "待确认" in answer["ledger"][-1]["citation"]


# —— lines ——


def answers(text: bytes, size: int = 1 << 16, ledger: bool = False) -> list[dict]:
    explainer = Explainer(national(), RULES, ledger=ledger)
    parts = iter([text[at : at + size] for at in range(0, len(text), size)])
    return [json.loads(explainer.line(line)) for lines in batches(lambda _: next(parts, b"")) for line in lines]


@pytest.mark.parametrize("size", [1, 2, 7, 64, 1 << 16])
def test_bom_crlf_blank_lines_and_a_missing_last_newline(size: int) -> None:
    line = json.dumps(case("2026-09-18")).encode()
    text = b"\xef\xbb\xbf" + line + b"\r\n\r\n  \n\t\n" + line + b"\n{\n" + line
    got = answers(text, size)
    assert [answer.get("state", answer.get("error")) for answer in got] == ["running", "running", "bad_json", "running"]


def test_an_empty_file_gives_nothing() -> None:
    assert answers(b"") == answers(b"\n\n") == answers(b"\xef\xbb\xbf") == []


def test_without_the_ledger_everything_else_is_the_same() -> None:
    line = json.dumps(case("2026-09-18", NOTICE)).encode()
    (bare,), (full,) = answers(line), answers(line, ledger=True)
    assert full.pop("ledger")
    assert bare == full


def test_repeated_ids_are_not_checked() -> None:
    line = json.dumps(case("2026-09-18")).encode()
    assert len(answers(line + b"\n" + line)) == 2
