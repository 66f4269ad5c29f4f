"""补正: how long the applicant may take, and when silence is 放弃 (Art. 30).

The 7 working days and the "once" of the notice are the clock's to refuse.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from services.requests.applications.history import Fact
from services.requests.applications.rules import EntryType
from shared.calendar import Calendar
from shared.errors import Category, DomainError


class CorrectionNotAwaited(DomainError):
    code = "correction_not_awaited"
    title = "当前没有等待中的补正"
    category = Category.INVALID_STATE


class CorrectionStillOpen(DomainError):
    """Silence is 放弃 only after the reasonable period has ended, on a day that no notice can still move."""

    code = "correction_still_open"
    title = "合理的补正期限尚未届满"
    category = Category.INVALID_STATE


def answer_by(sent_on: date, working_days: int, calendar: Calendar) -> date:
    """Return the last day of the 合理的补正期限 that the notice grants."""
    return calendar.add_working_days(sent_on, working_days)


@dataclass(frozen=True)
class AnswerTerm:
    """The last day to correct; `provisional` (暂定) while a holiday notice may still move it."""

    last: date
    provisional: bool


def answer_term(told: date | None, facts: Iterable[Fact], calendar: Calendar) -> AnswerTerm | None:
    """Read the period of the notice on this calendar, or None while no correction is awaited.

    A holiday notice may lengthen it; the day that the applicant was `told` is never cut short.
    """
    if told is None:
        return None
    notice = max((fact for fact in facts if fact.type is EntryType.CORRECTION_NOTICE), key=lambda fact: fact.sequence)
    granted = notice.data.get("working_days")  # the first entries hold only the day that was told
    last = told if granted is None else max(told, answer_by(notice.on, granted, calendar))
    return AnswerTerm(last, calendar.is_provisional(last))


def check_abandoned(term: AnswerTerm | None, today: date) -> None:
    """Refuse to call silence 放弃 while the applicant may still answer, or may yet be found to."""
    if term is None:
        raise CorrectionNotAwaited()
    if term.provisional:
        raise CorrectionStillOpen(f"补正期限至 {term.last}（暂定：相关年度的放假通知尚未发布，发布后重新计算）。")
    if today <= term.last:
        raise CorrectionStillOpen(f"补正期限至 {term.last}。")
