"""Notices: both file shapes are read, later papers change only their days, and nonsense is refused."""

import json
import re
from datetime import date
from pathlib import Path

import pytest

from shared.calendar import InvalidNotice, packaged_notices, parse_notices, read_notices
from shared.calendar.packaged import DATA

GOOD = {
    "year": 2027,
    "notice": "国办发明电〔2026〕样例号",
    "issued": "2026-11-25",
    "holidays": [{"name": "元旦", "from": "2026-12-31", "to": "2027-01-02"}, "2027-05-01"],
    "make_up_days": ["2027-01-03"],
}


def changed(**fields: object) -> dict:
    return {**GOOD, **fields}


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(GOOD, ensure_ascii=False))
    (tmp_path / "a.toml").write_text(
        'year = 2027\nnotice = "国办发明电〔2026〕样例号"\nissued = 2026-11-25\n'
        'holidays = [{ name = "元旦", from = 2026-12-31, to = 2027-01-02 }, "2027-05-01"]\n'
        "make_up_days = [2027-01-03]\n"
    )
    assert read_notices(tmp_path / "a.json") == read_notices(tmp_path / "a.toml") == parse_notices(GOOD)


def test_the_exchange_shape() -> None:
    days = [
        {"name": "元旦", "date": "2027-01-01", "isOffDay": True},
        {"name": "元旦", "date": "2027-01-03", "isOffDay": False},
    ]
    (notice,) = parse_notices({"year": 2027, "days": days})
    assert [holiday.first for holiday in notice.holidays] == [date(2027, 1, 1)]
    assert list(notice.make_up_days) == [date(2027, 1, 3)]


def test_a_change_keeps_what_it_does_not_name() -> None:
    first, second = (notice for notice in packaged_notices() if notice.year == 2020)
    assert date(2020, 2, 1) in first.make_up_days
    assert date(2020, 2, 1) not in second.make_up_days
    assert second.supersedes is first
    assert [holiday for holiday in second.holidays if holiday not in first.holidays] == [second.holidays[2]]
    assert second.holidays[1] == first.holidays[1]
    assert second.holidays[2].last == date(2020, 2, 2)


def test_a_change_may_cut_a_holiday_in_two() -> None:
    change = {"notice": "改", "amends": True, "holidays": [], "make_up_days": ["2027-01-02"]}
    first = {key: value for key, value in GOOD.items() if key != "year"}
    _, second = parse_notices({"year": 2027, "version": [first, change]})
    assert [(h.first.isoformat(), h.last.isoformat()) for h in second.holidays] == [
        ("2026-12-31", "2027-01-01"),
        ("2027-05-01", "2027-05-01"),
    ]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({}, "year"),
        ({"year": "2027"}, "year"),
        ({"year": True}, "year"),
        (changed(make_up_days=["2027-01-04"]), "不是星期六或星期日"),
        (changed(make_up_days=["2027-01-02"]), "既列为放假又列为上班"),
        (changed(make_up_days=["2028-01-02"]), "不在 2027 年之内"),
        (changed(make_up_days=["2026-12-27"]), "不在 2027 年之内"),
        (changed(holidays=["2026-12-28"]), "不在 2027 年之内"),
        (changed(holidays=["2028-01-01"]), "不在 2027 年之内"),
        (changed(holidays=["2027-01-01", "2027-01-01"]), "重复"),
        (changed(holidays=[{"name": "元旦", "from": "2027-01-03", "to": "2027-01-01"}]), "早于"),
        (changed(holidays=[]), "没有任何放假日"),
        (changed(holidays="2027-01-01"), "列表"),
        (changed(holidays=["1 January"]), "不是日期"),
        (changed(holidays=[None]), "不是日期"),
        (changed(holidays=[{"name": "元旦", "to": "2027-01-01"}]), "元旦：缺少 from"),
        (changed(holidays=["20270101"]), "不是日期"),
        (changed(holidays=["2027-W01-5"]), "不是日期"),
        (changed(holidays=["2027-01-01", "2027-02-29"]), "不是日期"),
        (changed(holidays=None), "缺少 holidays"),
        (changed(title=["元旦"]), "title 应为文字"),
        (changed(grade="D"), "grade"),
        (changed(amends=True), "前一份通知"),
        (changed(amends="yes"), "true 或 false"),
        (changed(cancelled_make_up_days=["2027-01-03"]), "amends"),
        ({"year": 1, "holidays": ["0001-01-03"]}, "year"),
        ({"year": 10_000, "holidays": ["2027-01-03"]}, "year"),
        ({"year": 2027, "version": []}, "列表"),
        ({"year": 2027, "version": [5]}, "列表"),
        ({"year": 2027, "days": [{"date": "2027-01-01"}]}, "isOffDay"),
        ({"year": 2027, "days": ["2027-01-01"]}, "isOffDay"),
    ],
)
def test_nonsense_is_refused(data: dict, says: str) -> None:
    with pytest.raises(InvalidNotice, match=says):
        parse_notices(data)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (changed(makeup_days=["2027-01-03"]), "makeup_days"),
        (changed(holidays=[{"name": "元旦", "from": "2027-01-01", "until": "2027-01-03"}]), "until"),
        (changed(days=[]), "holidays"),
        ({"year": 2027, "version": [{"holiday": ["2027-01-01"]}]}, "holiday"),
        ({"year": 2027, "make_up_days": [], "version": [{"holidays": ["2027-01-01"]}]}, "make_up_days"),
        ({"year": 2027, "days": [{"date": "2027-01-01", "isOffDay": True, "offDay": 1}]}, "offDay"),
    ],
)
def test_a_key_nobody_knows_is_refused_by_its_name(data: dict, key: str) -> None:
    """A misspelt key that was passed over would lose days without a word."""
    with pytest.raises(InvalidNotice, match=f"不认识的字段.*{key}"):
        parse_notices(data)


def test_what_an_exchange_file_says_of_itself_is_let_pass() -> None:
    days = [{"name": "元旦", "date": "2027-01-01", "isOffDay": True}]
    (notice,) = parse_notices({"$schema": "s", "$id": "i", "year": 2027, "papers": ["p"], "days": days})
    assert [holiday.name for holiday in notice.holidays] == ["元旦"]


@pytest.mark.parametrize(
    "text",
    [
        b"year = ",
        b"{",
        b"\xff\xfe",
        b'{"year":' + b"9" * 5_000 + b"}",
        b'{"year":2027,"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b"x = " + b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_a_file_that_is_neither_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(text)
    with pytest.raises(InvalidNotice):
        read_notices(tmp_path / "x.toml")


def test_the_documented_example_holds_all_that_an_import_needs(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (DATA / "README.md").read_text(), re.DOTALL)
    (tmp_path / "2027.toml").write_text(example)
    (notice,) = read_notices(tmp_path / "2027.toml")
    assert notice.title and notice.number and notice.issued
