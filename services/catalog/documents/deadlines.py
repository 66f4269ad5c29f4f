"""By when a signed document must be public: 20 working days (条例第二十六条), or what its locality sets.

The limit runs from the day the rule names: a document is 形成 on its 成文日; a local rule may name its 印发日. The day
itself is not counted.
"""

from dataclasses import dataclass
from datetime import date, datetime

from shared.calendar import Calendar, end_of_day, start_of_day
from shared.statutes import Rule, due


@dataclass(frozen=True)
class Limit:
    """A due day with the rule that set it; provisional when a notice that decides it is still to come."""

    due_on: date
    citation: str
    provisional: bool


def publication_limit(rule: Rule | None, calendar: Calendar, formed_on: date) -> Limit | None:
    """Return the limit by this row, or None for a document formed before any was in force (2008-05-01)."""
    if rule is None:
        return None
    due_on = due(rule, formed_on, calendar)
    return Limit(due_on, rule.cited, calendar.is_provisional(due_on))


def limit_from_printing(rule: Rule, nation: Rule, calendar: Calendar, *, formed_on: date, printed_on: date) -> Limit:
    """Return the limit that runs from 印发, or the national one where it ends sooner: a local rule is never slower."""
    own, national = publication_limit(rule, calendar, printed_on), publication_limit(nation, calendar, formed_on)
    assert own is not None
    assert national is not None
    return min(own, national, key=lambda limit: limit.due_on)


def reminder_at(due_on: date, calendar: Calendar, working_days: int) -> datetime:
    """Start of the working day that lies `working_days` before the due day; two earlier on provisional dates.

    A make-up Saturday that is not known yet can bring the due day forward, so a provisional date warns earlier.
    """
    before = working_days + 2 if calendar.is_provisional(due_on) else working_days
    return start_of_day(calendar.nth_before(due_on, before))


def overdue_at(due_on: date) -> datetime:
    """The first moment at which the due day has passed."""
    return end_of_day(due_on)
