"""What an agency may set for itself: a stricter publication limit, with its paper, author and reason.

条例第二十六条 sets the limit by which information must be public; a locality may promise to be faster, never slower.
Nothing is edited: a value holds from its day until the agency sets the next one, or gives it up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shared.errors import Category, DomainError
from shared.statutes import Grade, Rule, RuleSet

SETTABLE = ("pub.limit",)
PRINTED = "印发之日"


class Start(StrEnum):
    """From which day of a document a local limit runs: as the national one does, or from 印发 (statutes §12-6)."""

    FORMED = "formed"
    PRINTED = "printed"


class NotSettable(DomainError):
    """The law, or this service, leaves nothing to set there."""

    code = "rule_not_settable"
    title = "该条款不能由机关自定"
    category = Category.UNPROCESSABLE


class LaxerThanNational(DomainError):
    """A local value may be stricter than the national one, never laxer."""

    code = "laxer_than_national"
    title = "自定期限不能长于国家规定"
    category = Category.UNPROCESSABLE


@dataclass(frozen=True)
class LocalValueData:
    """A value as entered; None gives the agency's own value up from that day on."""

    rule_id: str
    value: int | None
    since: date
    citation: str
    reason: str
    start: Start = Start.FORMED


def check(data: LocalValueData, rules: RuleSet) -> Rule:
    """Return the national row beside which the value would stand; raises what stands against it."""
    if data.rule_id not in SETTABLE:
        raise NotSettable(f"可以自定的：{'、'.join(SETTABLE)}。")
    national = rules.at(data.rule_id, data.since)
    if data.value is not None and data.value > national.number:
        raise LaxerThanNational(f"{national.cited}：{national.number} 个工作日。")
    return national


def overruled(data: LocalValueData, national: Rule) -> bool:
    """Whether the national row has become stricter than a value that was lawful when it was set: it then holds."""
    return data.value is not None and data.value > national.number


def last_days(since: Iterable[date]) -> dict[date, date]:
    """Return until when each value of one agency for one rule holds: the day before the agency's next one."""
    days = sorted(since)
    return dict(zip(days, [*(day - timedelta(days=1) for day in days[1:]), date.max], strict=True))


def as_rule(national: Rule, data: LocalValueData, place: str, author: str, until: date = date.max) -> Rule:
    """Return the local row: it counts as the national one does, from the day it names, by its own paper."""
    assert data.value is not None
    return Rule(
        id=national.id,
        value=data.value,
        unit=national.unit,
        start=PRINTED if data.start is Start.PRINTED else national.start,
        effect=national.effect,
        citation=data.citation,
        grade=Grade.LOCAL,
        since=data.since,
        until=until,
        locality=place,
        author=author,
        reason=data.reason,
    )
