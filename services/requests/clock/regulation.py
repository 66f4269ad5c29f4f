"""The two Regulations as the clock needs them, read once from the rule rows.

No number of the law is written in code: a Regulation is what the rows in force on its first day say (条例 rows), and
fee rows by their own time in force.
"""

from bisect import bisect
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from services.requests.clock.events import ConsultationKind, RegulationName
from shared.statutes import UNCONFIRMED, RuleSet

NEVER = date.max


@dataclass(frozen=True, slots=True)
class Regulation:
    """What one text of the 条例 allows."""

    name: RegulationName
    reply_days: int
    reply_cited: str
    extension_cap: int
    correction_notice_days: int | None
    fee_since: date
    excluding: frozenset[ConsultationKind]
    terms: dict[ConsultationKind, int]


@dataclass(frozen=True, slots=True, eq=False)
class ClockRules:
    """Both Regulations and the rows behind them."""

    rows: RuleSet
    old: Regulation
    new: Regulation
    new_since: date
    _changes: list[date]
    _cited: dict[tuple[str, RegulationName, int], str] = field(default_factory=dict, repr=False)

    def applying(self, received_on: date, override: RegulationName | None) -> Regulation:
        """By receipt day (条例第五十六条), unless an officer decided otherwise (statutes §12-2)."""
        if override is not None:
            return self.new if override == RegulationName.PIR_2019 else self.old
        return self.new if received_on >= self.new_since else self.old

    def citation(self, reason: str, regulation: RegulationName, day: date) -> str:
        """The articles in force on this day for a ledger reason that is not the calendar's own."""
        key = (reason, regulation, bisect(self._changes, day))
        if key not in self._cited:
            self._cited[key] = self._cite(reason, regulation, day)
        return self._cited[key]

    def unconfirmed(self, reason: str, regulation: RegulationName, first: date, last: date) -> bool:
        """Whether an article cited for this reason on a day of the span is still to be confirmed."""
        days = [first, *(day for day in self._changes if first < day <= last)]
        return any(UNCONFIRMED in self.citation(reason, regulation, day) for day in days)

    def _cite(self, reason: str, regulation: RegulationName, day: date) -> str:
        ids = [f"{reason}.{regulation}", reason]
        if reason != "receipt":
            # Where the text that applies is not the one in force on that day, the ledger says so.
            ids.append(f"applied.{regulation}")
        found = (self.rows.find(f"ledger.{id}", day) for id in ids)
        return "；".join(row.cited for row in found if row)


@lru_cache(maxsize=8)
def clock_rules(rows: RuleSet) -> ClockRules:
    """The clock's reading of a rule set; made once per set."""
    since = {str(row.value): row.since for row in rows.history("req.regulation")}
    old, new = (_regulation(rows, name, since[name]) for name in RegulationName)
    ledger = [row for row in rows.rows if row.id.startswith("ledger.")]
    changes = {row.since for row in ledger} | {row.until + timedelta(days=1) for row in ledger if row.until < NEVER}
    return ClockRules(rows, old, new, since[RegulationName.PIR_2019], sorted(changes))


def _regulation(rows: RuleSet, name: RegulationName, day: date) -> Regulation:
    terms = {ConsultationKind.THIRD_PARTY: "req.thirdparty", ConsultationKind.JOINT_ORGAN: "req.joint"}
    found = {kind: rows.find(id, day) for kind, id in terms.items()}
    notice = rows.find("req.correct.notice", day)
    # 信息处理费 rests on 条例 (2019) Art. 42: there is none under the old text, whatever the day.
    fee = rows.history("fee.effect") if notice else ()
    return Regulation(
        name=name,
        reply_days=rows.at("req.reply", day).number,
        reply_cited=rows.at("req.reply", day).cited,
        extension_cap=rows.at("req.extend", day).number,
        correction_notice_days=notice.number if notice else None,
        fee_since=fee[0].since if fee else NEVER,
        excluding=frozenset(kind for kind in ConsultationKind if rows.find(f"req.exclude.{kind}", day)),
        terms={kind: row.number for kind, row in found.items() if row},
    )
