"""补正: how long the applicant may take, and when silence is 放弃 (Art. 30).

The 7 working days and the "once" of the notice are the clock's to refuse.
"""

from datetime import date

from shared.calendar import Calendar
from shared.errors import Category, DomainError


class CorrectionNotAwaited(DomainError):
    code = "correction_not_awaited"
    title = "当前没有等待中的补正"
    category = Category.INVALID_STATE


class CorrectionStillOpen(DomainError):
    """Silence is 放弃 only after the reasonable period has ended."""

    code = "correction_still_open"
    title = "合理的补正期限尚未届满"
    category = Category.INVALID_STATE


def answer_by(sent_on: date, working_days: int, calendar: Calendar) -> date:
    """Return the last day of the 合理的补正期限 that the notice grants."""
    return calendar.add_working_days(sent_on, working_days)


def check_abandoned(awaited_until: date | None, today: date) -> date:
    """Return the day after which silence counts as 放弃; raises while the applicant may still answer."""
    if awaited_until is None:
        raise CorrectionNotAwaited()
    if today <= awaited_until:
        raise CorrectionStillOpen(f"补正期限至 {awaited_until}。")
    return awaited_until
