"""`lantai clock` as a process: files, standard input, exit codes, what it loads and how much memory it takes."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from services.requests.clock.lines import read_case
from shared.calendar import national
from shared.calendar.packaged import DATA
from tests.kit.fonts import need_chinese_font
from tests.unit.clock.cases import RULES, ask, case, event
from tests.unit.clock.histories import history

LINE = json.dumps(case("2026-09-18")) + "\n"


def lantai(
    *arguments: str, stdin: str = "", environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "services.cli.main", "clock", *arguments]
    around = os.environ | (environment or {})
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False, env=around)


def test_a_file_and_standard_input_give_the_same(tmp_path: Path) -> None:
    file = tmp_path / "cases.jsonl"
    file.write_text(LINE * 3)
    by_file, by_pipe = lantai("explain", str(file)), lantai("explain", "-", stdin=LINE * 3)
    assert by_file.stdout == by_pipe.stdout
    assert len(by_file.stdout.splitlines()) == 3
    assert (by_file.returncode, by_pipe.returncode) == (0, 0)
    assert "ledger" not in lantai("explain", "--no-ledger", str(file)).stdout


def test_a_notice_still_to_be_confirmed_is_marked_where_it_is_cited() -> None:
    (answer,) = map(json.loads, lantai("explain", "-", stdin=json.dumps(case("2019-04-25"))).stdout.splitlines())
    cited = {day["on"]: day["citation"] for day in answer["ledger"]}
    assert cited["2019-05-02"].endswith("（国办发明电〔2019〕3号）（待确认）")
    command = [sys.executable, "-m", "services.cli.main", "calendar", "show"]
    for year, marked in (("2019", True), ("2024", True), ("2026", False)):
        shown = subprocess.run([*command, year], capture_output=True, text=True, timeout=60, check=True).stdout
        assert shown.splitlines()[0].endswith("（待确认）") is marked


def test_bad_lines_do_not_change_the_exit_code() -> None:
    done = lantai("explain", "-", stdin="{\n" + LINE)
    assert done.returncode == 0
    assert [json.loads(line).get("error") for line in done.stdout.splitlines()] == ["bad_json", None]


@pytest.mark.parametrize("file", ["/nonexistent/cases", "."])
def test_a_file_that_cannot_be_read_fails_in_one_sentence(file: str) -> None:
    done = lantai("explain", file)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"lantai: cannot read {file}")
    assert len(done.stderr.splitlines()) == 1


def test_calendar_files_add_and_replace_years(tmp_path: Path) -> None:
    for year in (2027, 2028):
        days = {"year": year, "holidays": [f"{year}-01-01"], "make_up_days": []}
        (tmp_path / f"{year}.json").write_text(json.dumps(days))
    files = [f"--calendar={tmp_path / '2027.json'}", "--calendar", str(tmp_path / "2028.json")]
    received = json.dumps(case("2028-02-01"))
    (answer,) = map(json.loads, lantai("explain", "-", *files, stdin=received).stdout.splitlines())
    assert answer["due_on"] == "2028-02-29"
    assert answer["provisional"] is False
    (packaged,) = map(
        json.loads, lantai("explain", "-", f"--calendar={DATA / '2026.toml'}", stdin=LINE).stdout.splitlines()
    )
    assert packaged == json.loads(lantai("explain", "-", stdin=LINE).stdout)


@pytest.mark.parametrize(
    "text",
    [
        "year = 2027",
        "{",
        '{"year": 2027, "holidays": ["2027-01-01"], "make_up_days": ["2027-01-04"]}',
        '{"year": 2027, "version": [5]}',
        '{"year": 1, "holidays": ["0001-01-03"]}',
        '{"year": 2050, "holidays": ["2050-01-03"]}',
        '{"year":' + "[" * 20_000,
        'year = 2027\nholidays = ["2027-01-01"]\nmakeup_days = ["2027-01-02"]',
    ],
)
def test_a_calendar_that_is_not_one_fails(tmp_path: Path, text: str) -> None:
    file = tmp_path / "2027.toml"
    file.write_text(text)
    done = lantai("explain", "-", "--calendar", str(file), stdin=LINE)
    assert done.returncode == 1
    assert "2027.toml" in done.stderr and len(done.stderr.splitlines()) == 1


def test_answers_come_while_the_input_is_still_open() -> None:
    command = [sys.executable, "-m", "services.cli.main", "clock", "explain", "-", "--no-ledger"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        process.stdin.write(LINE)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["due_on"] == "2026-10-22"
        process.stdin.close()
    assert process.returncode == 0


@pytest.mark.parametrize(
    "command", [["explain", "-"], ["what-if", "-", "--event", '{"type": "replied", "on": "2026-10-20"}']]
)
def test_a_reader_that_has_enough_is_no_failure(command: list[str], tmp_path: Path) -> None:
    whole = [sys.executable, "-m", "services.cli.main", "clock", *command]
    (tmp_path / "cases.jsonl").write_text(LINE * 20_000)
    with (tmp_path / "cases.jsonl").open() as cases:
        process = subprocess.Popen(whole, stdin=cases, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        with process:
            assert process.stdout and process.stderr
            assert json.loads(process.stdout.readline())["id"] == "c"
            process.stdout.close()
            assert process.stderr.read() == ""
    assert process.returncode == 0


def test_memory_does_not_grow_with_the_number_of_cases() -> None:
    program = (
        "import resource, sys\n"
        "from services.cli.clock import app\n"
        "app(['explain', '-', '--no-ledger'], standalone_mode=False)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )

    def peak(cases: int) -> int:
        run = subprocess.run(
            [sys.executable, "-c", program], input=LINE * cases, capture_output=True, text=True, timeout=60, check=True
        )
        assert run.stdout.count("\n") == cases
        return int(run.stderr)

    assert peak(60_000) < peak(2_000) + 4_000


def test_it_needs_no_framework_and_no_database() -> None:
    program = (
        "import sys, services.cli.clock\n"
        "print([name for name in ('fastapi', 'sqlalchemy', 'asyncpg', 'aiokafka', 'pydantic') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_what_if() -> None:
    told = json.dumps(event("extended", "2026-10-20", working_days=10))
    answer = json.loads(lantai("what-if", "-", "--event", told, stdin=LINE).stdout)
    assert (answer["now"]["due_on"], answer["then"]["due_on"]) == ("2026-10-22", "2026-11-05")


def test_what_if_puts_the_event_at_its_day() -> None:
    line = json.dumps(case("2026-09-18", event("replied", "2026-10-30")))
    told = json.dumps(event("extended", "2026-10-20", working_days=10))
    answer = json.loads(lantai("what-if", "-", "--event", told, stdin=line).stdout)
    assert (answer["now"]["state"], answer["then"]["state"]) == ("replied_late", "replied")


def test_what_if_reads_what_explain_reads() -> None:
    told = json.dumps(event("extended", "2026-10-20", working_days=10))
    line = json.dumps({**case("2026-09-18"), "x": "@"}).replace('"@"', "9" * 5000)
    done = lantai("what-if", "-", "--event", told, stdin=line)
    assert json.loads(done.stdout)["then"]["due_on"] == "2026-11-05"


WITHDRAWN = json.dumps(event("withdrawn", "2026-10-20"))


@pytest.mark.parametrize("ignored", ["[" * 990 + "]" * 990, "1e999", "9" * 5_000])
def test_what_if_and_sheet_read_whatever_explain_lets_pass(tmp_path: Path, ignored: str) -> None:
    line = json.dumps({**case("2026-09-18"), "x": "@"}).replace('"@"', ignored)
    assert json.loads(lantai("explain", "-", stdin=line).stdout)["due_on"] == "2026-10-22"
    (answer,) = map(json.loads, lantai("what-if", "-", "--event", WITHDRAWN, stdin=line).stdout.splitlines())
    assert (answer["now"]["state"], answer["then"]["state"]) == ("running", "withdrawn")
    sheet = lantai("sheet", "-", "-o", str(tmp_path / "missing" / "c.pdf"), stdin=line)
    assert (sheet.returncode, "Traceback" in sheet.stderr) == (1, False)


@pytest.mark.parametrize(
    ("supposed", "says"),
    [
        ("[" * 5_000 + "]" * 5_000, "not JSON"),
        ('{"type": "extended", "on": "2026-10-20", "working_days": NaN}', "NaN is not JSON"),
        ('{"type": "withdrawn", "on": "2026-02-30"}', "event.on"),
        ('{"type": "withdrawn", "on": "2035-02-28"}', "2030-12-31"),
        ('{"type": "extended", "on": "2026-10-20"}', "event.working_days"),
        ("5", "event "),
    ],
)
def test_an_event_that_no_case_could_hold_is_refused_once(supposed: str, says: str) -> None:
    done = lantai("what-if", "-", "--event", WITHDRAWN, "--event", supposed, stdin=LINE * 3)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--event" in done.stderr and says in done.stderr and "Traceback" not in done.stderr


def test_an_integer_of_any_size_is_judged_by_the_case() -> None:
    told = '{"type": "extended", "on": "2026-10-20", "working_days": ' + "9" * 5_000 + "}"
    answer = json.loads(lantai("what-if", "-", "--event", told, stdin=LINE).stdout)
    assert answer["then"]["error"] == "extension_over_cap"


@pytest.mark.parametrize("day", ["2026-02-30", "20260930", "2026-10-19"])
def test_a_day_of_the_answer_that_cannot_be_is_refused_once(day: str) -> None:
    done = lantai("what-if", "-", "--event", WITHDRAWN, "--as-of", day, stdin=LINE * 3)
    assert (done.returncode, done.stdout, "--as-of" in done.stderr) == (2, "", True)


def test_a_line_that_ends_before_the_event_names_the_way_out() -> None:
    line = json.dumps({**case("2026-09-18"), "as_of": "2026-10-01"})
    (answer,) = map(json.loads, lantai("what-if", "-", "--event", WITHDRAWN, stdin=line).stdout.splitlines())
    assert answer["then"]["error"] == "out_of_order" and "--as-of" in answer["then"]["detail"]
    later = lantai("what-if", "-", "--event", WITHDRAWN, "--as-of", "2026-10-21", stdin=line)
    assert json.loads(later.stdout)["then"]["state"] == "withdrawn"


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_answers_are_utf8_whatever_the_terminal_is(encoding: str) -> None:
    line = json.dumps(case("2026-09-18") | {"id": "案😀"})
    done = lantai("what-if", "-", "--event", WITHDRAWN, stdin=line, environment={"PYTHONIOENCODING": encoding})
    assert json.loads(done.stdout)["then"]["id"] == "案😀"


def test_what_if_says_what_a_date_rests_on_and_that_it_is_unconfirmed() -> None:
    waiting = json.dumps(case("2026-06-09", event("correction_notice", "2026-06-10")) | {"regulation": "PIR-2007"})
    told = json.dumps(event("corrected", "2026-06-11"))
    answer = json.loads(lantai("what-if", "-", "--event", told, stdin=waiting).stdout)
    assert (answer["then"]["due_on"], answer["then"]["unconfirmed"]) == ("2026-07-03", True)
    assert any("待确认" in citation for citation in answer["then"]["citations"])
    sure = json.loads(lantai("what-if", "-", "--event", told, stdin=waiting.replace("PIR-2007", "PIR-2019")).stdout)
    assert (sure["then"]["unconfirmed"], sure["then"]["citations"][0][-5:]) == (False, "第三十三条")
    refused = lantai("what-if", "-", "--event", told, stdin=LINE).stdout
    assert json.loads(refused)["then"].keys() == {"id", "error", "detail"}


def test_the_sheet_of_one_case_is_a_pdf(tmp_path: Path) -> None:
    need_chinese_font()
    asked = event("consultation_started", "2026-12-21", id="k", kind="third_party")
    other = json.dumps(case("2026-12-18", asked) | {"id": "c2"})
    out = tmp_path / "sheet.pdf"
    done = lantai("sheet", "-", "-o", str(out), "--id", "c2", stdin=f"{LINE}\n{other}\n")
    assert (done.returncode, done.stdout) == (0, "")
    assert out.read_bytes().startswith(b"%PDF")
    assert lantai("sheet", "-", "-o", str(out), "--id", "c9", stdin=LINE).returncode == 1
    bad = lantai("sheet", "-", "-o", str(out), stdin='{"id": "c1", "received_on": "2026-13-01", "events": []}')
    assert (bad.returncode, "bad_field" in bad.stderr) == (1, True)


def test_a_line_read_as_a_history_says_what_explain_says() -> None:
    rng, read = random.Random(8), 0
    for number in range(3_000):
        asked = history(rng, number)
        said = ask(asked)
        if "error" in said:
            continue
        found = read_case(asked, national(), RULES)
        due_on = None if found.due_on is None else found.due_on.isoformat()
        assert (found.regulation, found.state, due_on, found.counted, found.left) == tuple(
            said[name] for name in ("regulation", "state", "due_on", "counted", "left")
        )
        read += 1
    assert read > 1_000


def test_rules_are_listed_with_their_citation() -> None:
    rows = {(row["id"], row["from"]): row for row in json.loads(lantai("rules", "--json").stdout)}
    assert rows["req.reply", "2019-05-15"]["citation"].endswith("第三十三条")
    assert rows["fee.pay", "2021-01-01"]["unconfirmed"] is True
    assert "待确认" in next(line for line in lantai("rules").stdout.splitlines() if line.startswith("fee.pay"))
    assert "yq.release" in lantai("rules", "--service", "sentiment").stdout


def test_the_table_of_rules_says_what_of_a_row_is_to_be_confirmed() -> None:
    noted = {row["id"]: row["note"] for row in json.loads(lantai("rules", "--json").stdout) if "待确认" in row["note"]}
    assert set(noted) >= {"fee.item", "fee.page", "remedy.sue", "remedy.sue.after_review"}
    table = lantai("rules").stdout
    assert all(f"({note})" in table for note in noted.values())


def test_a_fixed_day_of_the_year_is_certain_and_obeys_the_law_of_that_day() -> None:
    report = lantai("due", "report.dept", "2026-02-01").stdout
    assert report.startswith("2027-01-31")
    assert "暂定" not in report
    assert lantai("due", "report.dept", "2019-06-01").stdout.startswith("2020-01-31")
    repealed = lantai("due", "report.all.2007", "2019-06-01")
    assert (repealed.returncode, repealed.stdout) == (1, "")
    assert lantai("due", "report.all.2007", "2018-06-01").stdout.startswith("2019-03-31")


def test_due_by_rule() -> None:
    assert lantai("due", "remedy.sue", "2026-08-31").stdout.startswith("2027-03-01  6 months")
    assert lantai("due", "pub.limit", "2017-05-24", "--service", "catalog").stdout.startswith("2017-06-22")
    assert lantai("due", "no.such.rule", "2026-01-01").returncode == 1
    assert lantai("due", "fee.pay", "01.02.2026").returncode == 1
