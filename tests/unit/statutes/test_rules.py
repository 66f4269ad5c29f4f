"""Rule files load only when they are whole; rows are found by day and place; periods follow their unit."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from shared.calendar import national
from shared.statutes import Grade, InvalidRules, Rule, RuleSet, Unit, UnknownRule, due, due_at

SERVICES = Path(__file__).parents[3] / "services"
REQUESTS, CATALOG, SENTIMENT = (
    RuleSet.load(SERVICES / name / "statutes.toml") for name in ("requests", "catalog", "sentiment")
)


def rule(since: str = "2008-05-01", until: str = "9999-12-31", **fields: object) -> Rule:
    row: dict = {"id": "x", "value": 7, "unit": Unit.WORKING_DAY, "start": "s", "effect": "run", "citation": "第一条"}
    row |= {"grade": Grade.A, "since": date.fromisoformat(since), "until": date.fromisoformat(until)}
    return Rule(**(row | fields))


@pytest.mark.parametrize("rows", [REQUESTS, CATALOG, SENTIMENT])
def test_every_row_has_a_citation_and_a_grade(rows: RuleSet) -> None:
    for listed in rows.listing():
        assert listed["citation"]
        assert listed["grade"]
        assert listed["unconfirmed"] == (listed["grade"] == "C")


IN_FORCE = {
    "《民法总则》": date(2017, 10, 1),
    "《民法典》": date(2021, 1, 1),
    "国令第711号": date(2019, 5, 15),
    "（2023年修订）": date(2024, 1, 1),
    "法释〔2025〕8号": date(2025, 6, 1),
}


@pytest.mark.parametrize("rows", [REQUESTS, CATALOG, SENTIMENT])
def test_no_row_is_older_than_what_it_cites(rows: RuleSet) -> None:
    for row in rows.rows:
        years = [date(int(year), 1, 1) for year in re.findall(r"〔(\d{4})〕", row.citation)]
        papers = [day for paper, day in IN_FORCE.items() if paper in row.citation]
        assert all(day <= row.since for day in years + papers), (row.id, row.since)


@pytest.mark.parametrize("rows", [REQUESTS, CATALOG, SENTIMENT])
def test_a_row_that_no_code_reads_is_listed_as_documentary(rows: RuleSet) -> None:
    """A period is dated by any row; a row of another kind decides something, or says that it does not."""
    code = "".join(path.read_text(encoding="utf-8") for path in SERVICES.rglob("*.py"))
    for row in rows.rows:
        if row.unit in (Unit.SETTING, Unit.COUNT, Unit.YUAN, Unit.DOCUMENTARY):
            group = row.id.rpartition(".")[0]
            read = f'"{row.id}"' in code or f'"{group}.{{' in code
            assert read is (row.unit is not Unit.DOCUMENTARY), row.id


def test_the_row_in_force_on_the_day() -> None:
    assert REQUESTS.at("req.reply", date(2019, 5, 14)).number == 15
    assert REQUESTS.at("req.reply", date(2019, 5, 15)).number == 20
    with pytest.raises(UnknownRule):
        REQUESTS.at("req.reply", date(2008, 4, 30))
    assert REQUESTS.find("no.such", date(2026, 1, 1)) is None


def test_a_place_has_its_own_value_and_otherwise_the_national_one() -> None:
    assert CATALOG.at("pub.limit", date(2026, 1, 1), "yanta").number == 3
    assert CATALOG.at("pub.limit", date(2026, 1, 1), "elsewhere").number == 20
    assert CATALOG.at("pub.limit", date(2017, 1, 1), "yanta").number == 20


def test_a_local_value_needs_author_and_reason() -> None:
    local = rule(locality="yanta", since="2026-01-01")
    with pytest.raises(InvalidRules, match="录入人和理由"):
        RuleSet.of([local])
    ours = RuleSet.of([*REQUESTS.rows, rule(locality="yanta", author="张三", reason="区政府文件")])
    assert ours.at("x", date(2026, 1, 1), "yanta").author == "张三"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([rule(until="2019-05-14"), rule("2019-05-16")], "中断"),
        ([rule(until="2019-05-15"), rule("2019-05-15")], "重叠"),
        ([rule(), rule("2019-05-15")], "重叠"),
        ([rule(citation=" ")], "缺少依据"),
        ([rule("2019-05-15", "2019-05-14")], "早于"),
        ([rule(value=0)], "正整数"),
        ([rule(value=True)], "正整数"),
        ([rule(value="7")], "正整数"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(rows: list[Rule], says: str) -> None:
    with pytest.raises(InvalidRules, match=says):
        RuleSet.of(rows)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]]\nid = 'x'", "缺少 value"),
        ("[[rule]]\nid = 'x'\nvalue = 1\nunit = 'fortnight'", "fortnight"),
        ("[[rule]]\nid = 'x'\ncolour = 1", "不认识的字段"),
        ("[[rule", "statutes.toml"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "statutes.toml").write_text(text)
    with pytest.raises(InvalidRules, match=says):
        RuleSet.load(tmp_path / "statutes.toml")


def test_an_unconfirmed_row_says_so_where_it_is_cited() -> None:
    assert REQUESTS.at("fee.pay", date(2026, 1, 1)).cited.endswith("（待确认）")
    assert not REQUESTS.at("req.reply", date(2026, 1, 1)).cited.endswith("（待确认）")


@pytest.mark.parametrize(
    ("rows", "id", "start", "last"),
    [
        (CATALOG, "pub.limit", "2026-09-18", "2026-10-22"),
        (CATALOG, "sgs.credit", "2026-09-18", "2026-09-29"),
        (CATALOG, "budget.gov", "2026-09-11", "2026-10-08"),  # 20 cd end on 10-01
        (CATALOG, "decision.comment", "2026-03-02", "2026-04-01"),
        (REQUESTS, "fee.pay", "2026-09-21", "2026-10-21"),
        (REQUESTS, "remedy.review", "2026-03-02", "2026-05-06"),  # 60 cd end on 05-01
        (REQUESTS, "remedy.sue", "2026-03-31", "2026-09-30"),
        (REQUESTS, "remedy.sue", "2026-04-04", "2026-10-08"),
        (REQUESTS, "remedy.sue", "2014-11-28", "2015-02-28"),  # three months then; a Saturday that works
        (REQUESTS, "remedy.sue.after_review", "2026-03-02", "2026-03-17"),
        (REQUESTS, "report.dept", "2026-02-01", "2027-01-31"),  # a Sunday: a fixed date does not roll
        (REQUESTS, "report.gov", "2026-01-01", "2026-03-31"),
        (SENTIMENT, "msg.reply", "2026-09-18", "2026-09-29"),
        (SENTIMENT, "msg.reply.complex", "2026-09-18", "2026-10-15"),
    ],
)
def test_periods(rows: RuleSet, id: str, start: str, last: str) -> None:
    day = date.fromisoformat(start)
    assert due(rows.at(id, day), day, national()).isoformat() == last


def test_the_local_three_days() -> None:
    local = RuleSet.of([rule(value=3, locality="yanta", author="a", reason="b")]).at("x", date(2017, 5, 24), "yanta")
    assert due(local, date(2017, 5, 24), national()) == date(2017, 5, 27)


@pytest.mark.parametrize(("id", "hours"), [("yq.release", 5), ("yq.press", 24), ("yq.other", 48)])
def test_hours(id: str, hours: int) -> None:
    start = datetime(2026, 2, 16, 18, 0, tzinfo=UTC)
    row = SENTIMENT.at(id, start.date())
    assert due_at(row, start) == start + timedelta(hours=hours)
    with pytest.raises(InvalidRules, match="不以日计算"):
        due(row, start.date(), national())


def test_days_are_not_hours() -> None:
    with pytest.raises(InvalidRules, match="不以小时计算"):
        due_at(REQUESTS.at("req.reply", date(2026, 1, 1)), datetime(2026, 1, 1, tzinfo=UTC))
