"""What an agency may set for itself: a stricter publication limit, with its paper, author and reason.

条例第二十六条 sets the limit by which information must be public; a locality may promise to be faster, never slower.
Nothing is edited: a value holds from its day until the agency sets the next one, or gives it up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shared.errors import Category, DomainError
from shared.statutes import Grade, Rule

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


class LaxerThanSuperior(DomainError):
    """What a superior or the locality ordered, an agency below may only make stricter."""

    code = "laxer_than_superior"
    title = "自定期限不能宽于上级或者本地的规定"
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


def require_settable(rule_id: str) -> None:
    """Refuse a row that no agency may set."""
    if rule_id not in SETTABLE:
        raise NotSettable(f"可以自定的：{'、'.join(SETTABLE)}。")


def check(data: LocalValueData, above: Rule) -> None:
    """Refuse a value that is laxer than the row that would hold without it: a superior's, the place's, the nation's."""
    if overruled(data, above):
        refusal = LaxerThanNational if above.locality is None else LaxerThanSuperior
        raise refusal(f"{above.cited}：自{above.start}起 {above.number} 个工作日。")


def overruled(data: LocalValueData, above: Rule) -> bool:
    """Whether a value is laxer than the row above it, which then holds: it may have been lawful when it was set.

    A limit from 印发 never ends after the national one, but it may end after a superior's from 成文.
    """
    if data.value is None:
        return False
    later = data.start is Start.PRINTED and above.locality is not None and above.start != PRINTED
    return later or data.value > above.number


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
