"""The ledger as a printable sheet (PDF/A) that an agency can lay before a court: each day, counted or not, why, by law.

The same reading gives the same bytes: nothing but the arguments is printed, not even the hour of printing. A machine
without a Chinese font gives a clear refusal, never a page of empty boxes; a rare character that no font has is marked
with its code point.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import typst

from services.requests.clock.glyphs import common, marked, named
from services.requests.clock.labels import REASONS, REGULATIONS, STATES, extension, long_date, reservations, weekday
from services.requests.clock.ledger import LedgerDay
from services.requests.clock.rules import ClockReading
from shared.calendar import start_of_day
from shared.errors import Category, DomainError

TITLE = "政府信息公开申请答复期限计算表"
NAMED_AT_MOST = 4
"""How often characters are marked one by one, as they are refused, before all that are not common are."""
_TEMPLATE = Path(__file__).parent / "sheet.typ"


class SheetFontMissing(DomainError):
    """No font on this machine has the Chinese characters of the sheet."""

    code = "sheet_font_missing"
    title = "缺少中文字体，无法生成期限计算表"
    category = Category.UNAVAILABLE


def render_sheet(
    header: Mapping[str, str],
    reading: ClockReading,
    *,
    outcome: Sequence[tuple[str, str]] = (),
    events: Sequence[tuple[str, str, str]] = (),
    font_paths: Sequence[Path] = (),
    system_fonts: bool = True,
) -> bytes:
    """A PDF of the reading. `header` is printed above it as it stands (受理编号, 申请内容, 机关 …).

    `outcome` stands below it (答复, 逾期), and `events` between it and the days: (day, what happened, details).
    """
    data = {
        "title": TITLE,
        "header": [*header.items(), *_summary(reading), *outcome],
        "events": events,
        "findings": _findings(reading),
        "rows": _rows(reading.ledger()),
        "note": "“待确认”指该条文的正式文本尚待法制机构核对。工作日按国务院办公厅放假通知认定，征求意见期间合并扣除。",
    }
    day = start_of_day(reading.as_of)
    missing: frozenset[str] = frozenset()
    for last in (*[False] * NAMED_AT_MOST, True):
        text = json.dumps(marked(data, None if last else missing), ensure_ascii=False)
        try:
            return _compile(text, day, font_paths, system_fonts)
        except typst.TypstError as error:
            # PDF/A forbids glyphs that no font has: the compiler names the first one.
            lost = named(str(error))
            if lost is None:
                raise
            if all(common(character) for character in lost):
                raise SheetFontMissing("请安装 fonts-noto-cjk，或者以设置给出字体目录") from error
            missing |= lost
    raise AssertionError("common characters were named, or the sheet was printed")


def _compile(data: str, day: datetime, font_paths: Sequence[Path], system_fonts: bool) -> bytes:
    pdf = typst.compile(
        _TEMPLATE,
        format="pdf",
        font_paths=list(font_paths),
        ignore_system_fonts=not system_fonts,
        sys_inputs={"data": data},
        pdf_standards="a-2b",
        timestamp=int(day.timestamp()),
    )
    assert isinstance(pdf, bytes)
    return pdf


def _summary(reading: ClockReading) -> list[tuple[str, str]]:
    first = reading.ledger()[0].on
    due = reading.due_on
    last = f"{long_date(due)}（{weekday(due)}）" if due else "等待期间没有届满日"
    return [
        ("适用", REGULATIONS[reading.regulation]),
        ("收到申请之日", f"{long_date(first)}（{weekday(first)}）"),
        ("截至", long_date(reading.as_of)),
        ("状态", STATES[reading.state]),
        ("答复期限届满日", last + reservations(reading)),
        ("工作日", f"应计 {reading.allowed} 个{extension(reading)}，已计 {reading.counted} 个，剩余 {reading.left} 个"),
        ("期限依据", reading.basis),
    ]


def _findings(reading: ClockReading) -> list[str]:
    days = reading.ledger()
    lines = [
        f"自{long_date(days[0].on)}至{long_date(days[-1].on)}共 {len(days)} 个自然日，"
        f"其中计入 {sum(day.counted for day in days)} 个工作日，逐日列明如下。"
    ]
    if reading.provisional:
        lines.append("届满日所在年度的放假通知尚未公布，本日期为暂定，通知公布后重新计算，在此之前不作逾期认定。")
    if reading.unconfirmed:
        lines.append("本日期所依据的条文中有待法制机构确认的，均在依据栏注明“待确认”。")
    return lines


def _rows(days: Sequence[LedgerDay]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    count = 0
    for day in days:
        count += day.counted
        number, mark = (str(count), "是") if day.counted else ("", "否")
        rows.append((number, day.on.isoformat(), weekday(day.on), mark, REASONS[day.reason], day.citation))
    return rows
