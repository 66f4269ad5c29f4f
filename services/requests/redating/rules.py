"""Which open cases a new calendar can touch: those whose due day is not before the first day that it changes."""

from datetime import date, timedelta

from shared.calendar import Calendar


def first_changed_on(before: Calendar, after: Calendar) -> date | None:
    """Return the first day that works in one calendar only, or is certain in one only; None if there is none.

    A due day before it was counted from days that both calendars agree on, so it stays as it is.
    """
    changed = [
        before.day(position)
        for position, (old, new) in enumerate(zip(before.rank, after.rank, strict=True))
        if old != new
    ][:1]
    if before.final_through != after.final_through:
        changed.append(min(before.final_through, after.final_through) + timedelta(days=1))
    return min(changed, default=None)
