"""The tables that a reply is chosen from: rows of table 三, and remedy sentences by kind and day of decision.

Both are data files, checked when they are loaded: every outcome has a row, and for every kind the remedy rows follow
each other without gap or overlap.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from services.requests.clock.events import RegulationName

HERE = Path(__file__).parent


class Outcome(StrEnum):
    """How an application is answered: Art. 36 (一)–(七), and Arts. 30, 35, 37, 38, 39."""

    ALREADY_PUBLIC = "already_public"
    DISCLOSED = "disclosed"
    PARTLY_DISCLOSED = "partly_disclosed"
    REFUSED = "refused"
    NOT_HELD = "not_held"
    NOT_RESPONSIBLE = "not_responsible"
    REPEATED = "repeated"
    SPECIAL_PROCEDURE = "special_procedure"
    NEEDS_MAKING = "needs_making"
    STILL_UNCLEAR = "still_unclear"
    PETITION = "petition"
    PUBLICATION = "publication"
    EXCESSIVE = "excessive"
    REISSUE = "reissue"
    OTHER = "other"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Outcome.ALREADY_PUBLIC: "已主动公开",
    Outcome.DISCLOSED: "予以公开",
    Outcome.PARTLY_DISCLOSED: "部分公开",
    Outcome.REFUSED: "不予公开",
    Outcome.NOT_HELD: "信息不存在",
    Outcome.NOT_RESPONSIBLE: "不属于本机关负责公开",
    Outcome.REPEATED: "重复申请，不予重复处理",
    Outcome.SPECIAL_PROCEDURE: "依照有关法律、行政法规的规定办理",
    Outcome.NEEDS_MAKING: "没有现成信息",
    Outcome.STILL_UNCLEAR: "补正后仍不明确",
    Outcome.PETITION: "信访、投诉、举报事项，不作为政府信息公开申请处理",
    Outcome.PUBLICATION: "公开出版物，告知获取途径",
    Outcome.EXCESSIVE: "无正当理由大量反复申请，不予处理",
    Outcome.REISSUE: "要求确认或者重新出具已获取信息",
    Outcome.OTHER: "其他",
}


class RemedyKind(StrEnum):
    """What decides which remedy sentence a reply needs (复议法 Art. 23)."""

    REFUSAL = "refusal"
    PARTIAL = "partial"
    OTHER = "other"


class InvalidTables(ValueError):
    """A data file contradicts itself; the service does not start on it."""


@dataclass(frozen=True)
class TableRow:
    """One row of table 三 that a reply may fall into."""

    row: str
    label: str
    outcomes: frozenset[Outcome]
    remedy: RemedyKind
    cited: Mapping[Outcome, str]
    cited_2007: str

    @property
    def articles(self) -> str:
        """The articles of the row, each once."""
        return "；".join(dict.fromkeys(self.cited.values()))


@dataclass(frozen=True)
class Remedy:
    """A remedy sentence, for which kinds and decisions of which days."""

    id: str
    kinds: frozenset[RemedyKind]
    sentence: str
    citation: str
    grade: str
    since: date
    until: date

    def covers(self, kind: RemedyKind, decided_on: date) -> bool:
        return kind in self.kinds and self.since <= decided_on <= self.until


@cache
def table_rows() -> dict[str, TableRow]:
    """Return the rows by their number in table 三."""
    data = tomllib.loads((HERE / "dispositions.toml").read_text(encoding="utf-8"))
    rows = {
        row["row"]: TableRow(
            row["row"],
            row["label"],
            frozenset(map(Outcome, row["outcomes"])),
            RemedyKind(row["remedy"]),
            _cited(row),
            f"{row['articles_2007']}（待确认）" if row["articles_2007"] else "",
        )
        for row in data["row"]
    }
    placed = {outcome for row in rows.values() for outcome in row.outcomes}
    if placed != set(Outcome):
        raise InvalidTables(f"没有表三行的答复种类：{set(Outcome) - placed}")
    return rows


def _cited(row: Mapping[str, Any]) -> dict[Outcome, str]:
    articles = row["articles"]
    cited = dict.fromkeys(row["outcomes"], articles) if isinstance(articles, str) else articles
    if set(cited) != set(row["outcomes"]):
        raise InvalidTables(f"表三第 {row['row']} 行的依据与答复种类不符：{sorted(cited)}")
    return {Outcome(outcome): text for outcome, text in cited.items()}


def articles_of(outcome: Outcome, row: str, refused_row: str | None, regulation: RegulationName) -> str:
    """Return the articles a reply rests on in the Regulation that applies to the case; "" where it has none.

    What is withheld of a 部分公开 names its own. The articles of 2007 are graded C and say so (statutes §2.6).
    """
    rows = table_rows()
    if regulation is RegulationName.PIR_2007:
        cited, withheld = rows[row].cited_2007, rows[refused_row].cited_2007 if refused_row else ""
    else:
        cited, withheld = rows[row].cited[outcome], rows[refused_row].articles if refused_row else ""
    return f"{cited}；不予公开的部分：{withheld}" if withheld else cited


@cache
def remedies() -> tuple[Remedy, ...]:
    """Return every remedy row, checked for gaps and overlaps."""
    data = tomllib.loads((HERE / "remedies.toml").read_text(encoding="utf-8"))
    return check_remedies(
        tuple(
            Remedy(
                row["id"],
                frozenset(map(RemedyKind, row["kinds"])),
                row["sentence"],
                row["citation"],
                row["grade"],
                row.get("from", date.min),
                row.get("to", date.max),
            )
            for row in data["remedy"]
        )
    )


def check_remedies(rows: tuple[Remedy, ...]) -> tuple[Remedy, ...]:
    """Return the rows; raises InvalidTables where a day has no sentence for some kind, or two."""
    for kind in RemedyKind:
        own = sorted((row for row in rows if kind in row.kinds), key=lambda row: row.since)
        if not own or own[0].since != date.min or own[-1].until != date.max:
            raise InvalidTables(f"{kind} 的救济告知不完整")
        for before, after in pairwise(own):
            if after.since - before.until != timedelta(days=1):
                raise InvalidTables(f"{before.id} 与 {after.id} 之间中断或重叠")
    return rows


def remedy_for(row: TableRow, decided_on: date) -> Remedy:
    """Return the one remedy row for a reply in this row of table 三, decided on this day (statutes §6)."""
    return next(remedy for remedy in remedies() if remedy.covers(row.remedy, decided_on))
