"""The ledger on paper and in a page: every day is there, in Chinese, and no font means a refusal."""

import random
from datetime import date
from html.parser import HTMLParser

import pytest

from services.requests.clock.glyphs import marked
from services.requests.clock.labels import REASONS, STATES, reservations
from services.requests.clock.ledger import BASE
from services.requests.clock.lines import read_case
from services.requests.clock.page import render_table
from services.requests.clock.rules import ClockReading, ConsultationKind, ConsultationStarted, History, clock
from services.requests.clock.sheet import SheetFontMissing, render_sheet
from shared.calendar import DayKind, national
from shared.errors import DomainError
from tests.kit.fonts import need_chinese_font
from tests.unit.clock.cases import RULES
from tests.unit.clock.histories import history
from tests.unit.clock.test_agreement import STATES as ALL_STATES


def reading(received_on: date = date(2026, 9, 18)) -> ClockReading:
    asked = ConsultationStarted(date(2026, 12, 21), "k", ConsultationKind.THIRD_PARTY)
    events = (asked,) if received_on > date(2026, 12, 1) else ()
    return clock(History(received_on, events), national(), RULES)


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.rows = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.rows += tag == "tr"

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_table_has_a_row_for_every_day() -> None:
    found = reading(date(2026, 12, 18))
    cells = Cells()
    cells.feed(render_table(found))
    assert cells.rows == len(found.ledger()) + 1
    text = "".join(cells.text)
    assert "暂定" in text
    assert "征求第三方意见" in text
    assert "国令第711号" in text


def test_the_sheet_is_a_pdf_and_the_same_reading_gives_the_same_bytes() -> None:
    need_chinese_font()
    header = {"受理编号": "2026-0001", "申请内容": "堃喆路拆迁补偿方案"}
    sheet = render_sheet(header, reading())
    assert sheet.startswith(b"%PDF-")
    assert sheet == render_sheet(header, reading())
    assert sheet != render_sheet(header, reading(date(2026, 12, 18)))


def test_without_a_font_there_is_a_refusal_and_no_boxes() -> None:
    with pytest.raises(SheetFontMissing, match="fonts-noto-cjk"):
        render_sheet({"受理编号": "2026-0001"}, reading(), system_fonts=False)


@pytest.mark.parametrize("rare", ["𠀀", "𠀀𠀁𠀂𠀃𠀄𠀅", "ไทยภาษาไทย", "\x07", "a\x00b", "\ud800", '\\"𠀀', "甲\n乙"])
def test_a_character_that_no_font_has_is_marked_and_stops_no_sheet(rare: str) -> None:
    need_chinese_font()
    assert render_sheet({"理由": f"查{rare}档"}, reading()).startswith(b"%PDF-")


def test_what_is_marked() -> None:
    assert marked({"rows": [("查𠀀", "a\x00\ud800")]}, {"𠀀"}) == {
        "rows": [["查〓（U+20000）", "a〓（U+0000）〓（U+D800）"]]
    }
    assert marked("䶮𠀀堃喆\n1", {"𠀀"}) == "䶮〓（U+20000）堃喆\n1"
    assert marked("䶮𠀀堃喆\n1", None) == "〓（U+4DAE）〓（U+20000）堃喆\n1"


def test_every_state_and_reason_has_its_words() -> None:
    assert set(STATES) == ALL_STATES | {"abandoned"}
    kinds = {kind.value for kind in ConsultationKind}
    others = {"receipt", "awaiting_correction", "awaiting_fee", "restarted"}
    assert set(REASONS) == kinds | others | {"weekend", "holiday", "make_up_day", "working_day"}
    assert BASE not in REASONS


def test_a_date_behind_which_a_rule_is_unconfirmed_says_so_beside_it() -> None:
    old, new = reading(date(2018, 3, 1)), reading()
    assert (old.unconfirmed, new.unconfirmed) == (True, False)
    assert (reservations(old), reservations(new)) == ("（所依条文待确认）", "")
    assert "所依条文待确认" in render_table(old)
    assert "所依条文待确认" not in render_table(new)


def test_unconfirmed_is_what_the_ledger_says_of_the_articles() -> None:
    """A holiday notice may be unconfirmed too, and is marked: its days are not, nor is a due day by it."""
    of_the_calendar = set(DayKind)
    rng = random.Random(7)
    found = set()
    for number in range(3_000):
        line = history(rng, number)
        try:
            answer = read_case(line, national(), RULES)
        except DomainError:
            continue
        cited = [day.citation for day in answer.ledger() if day.reason not in of_the_calendar]
        said = any("待确认" in text for text in (answer.basis, *cited))
        assert answer.unconfirmed is said, line
        found.add(said)
    assert found == {True, False}
