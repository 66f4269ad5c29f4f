"""The numbers of 复议 and 诉讼: what the remedy sentence says, and the last days once the applicant has the reply.

Both come from the `remedy.*` rows, by the same functions as every other period. They run from the day of 签收; by post
that day is not on record, so the condition is named instead of a last day, and the day before which it cannot lie. A
period in a year without a notice is provisional.
"""

from dataclasses import dataclass
from datetime import date

from services.requests.replies.dispositions import Remedy, RemedyKind
from services.requests.replies.rules import DeliveryMode
from shared.calendar import Calendar
from shared.statutes import RuleSet, Unit, due

UNITS = {Unit.CALENDAR_DAY: "日", Unit.MONTH: "个月"}
_NAMES = {"review": "remedy.review", "sue": "remedy.sue", "after_review": "remedy.sue.after_review"}


@dataclass(frozen=True)
class RemedyDay:
    """The last day of one way to object; by post its condition, and the day before which it cannot lie."""

    label: str
    last: date | None
    not_before: date | None
    condition: str | None
    provisional: bool
    citation: str


def sentence(remedy: Remedy, rules: RuleSet, decided_on: date, body: str) -> str:
    """Return what the reply tells the applicant, with the numbers in force on the day of decision."""
    found = {name: rules.find(id, decided_on) for name, id in _NAMES.items()}
    return remedy.sentence.format(body=body, **{name: "" if row is None else row.value for name, row in found.items()})


def last_days(
    kind: RemedyKind, mode: DeliveryMode, delivered_on: date, decided_on: date, rules: RuleSet, calendar: Calendar
) -> list[RemedyDay]:
    """Return until when the applicant may ask for 复议 and, where it need not come first, sue."""
    ways = [("申请行政复议", "remedy.review")]
    # 复议前置 (复议法 2023 Art. 23): a refusal goes to 复议 first; of a 部分公开 the rest may be sued over directly.
    if kind is not RemedyKind.REFUSAL or rules.find("remedy.review.first", decided_on) is None:
        ways.append(("提起行政诉讼", "remedy.sue"))
    days = []
    for label, id in ways:
        rule = rules.at(id, delivered_on)
        last = due(rule, delivered_on, calendar)
        posted = mode is DeliveryMode.POST
        condition = f"自签收之日起{rule.value}{UNITS[rule.unit]}，当日不计入" if posted else None
        days.append(
            RemedyDay(
                label=label,
                last=None if posted else last,
                not_before=last if posted else None,
                condition=condition,
                provisional=calendar.is_provisional(last),
                citation=rule.cited,
            )
        )
    return days
