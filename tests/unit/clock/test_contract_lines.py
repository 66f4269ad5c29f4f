"""The contract of `lantai clock explain`: refused lines, citations, and the lines themselves."""

import json

import pytest

from services.requests.clock.explain import Explainer
from services.requests.clock.jsonl import batches
from shared.calendar import national
from tests.unit.clock.cases import ANSWER, FEE, NOTICE, PAID, REPLY, RULES, ask, case, consult, event, heard

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


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "01", "'x'", "[1,]", '"\t"'])
def test_what_only_looks_like_json(value: str) -> None:
    line = json.dumps({**case("2026-09-18"), "x": "@"}).replace('"@"', value)
    assert ask(line.encode())["error"] == "bad_json"


def test_half_a_surrogate_pair_is_refused_only_where_an_answer_would_repeat_it() -> None:
    half = json.dumps("\ud800")
    assert ask({**case("2026-09-18"), "x": ["\ud800"]}) == ask(case("2026-09-18"))
    assert ask(json.dumps(case("2026-09-18")).replace('"c"', half).encode())["error"] == "bad_json"
    ended = case("2026-09-18", event("consultation_ended", "2026-09-21", id="\ud800"))
    assert ask(ended)["error"] == "bad_json"
    assert ask(case("2026-09-18", event("\ud800", "2026-09-21")))["error"] == "bad_field"


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
