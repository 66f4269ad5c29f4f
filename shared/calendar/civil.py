"""Civil time: the days of Asia/Shanghai, periods in calendar days, months and hours.

The law counts civil days, the database keeps instants. Whatever turns one into the other passes through here, so
that 00:00–08:00 in Shanghai never becomes the day before. Only aware datetimes are accepted.
"""

from calendar import monthrange
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def civil_day(moment: datetime) -> date:
    """The day in Asia/Shanghai on which this aware moment falls."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no civil day")
    return moment.astimezone(SHANGHAI).date()


def start_of_day(day: date) -> datetime:
    """00:00 of this civil day, as an aware moment."""
    return datetime.combine(day, time(0), tzinfo=SHANGHAI)


def end_of_day(day: date) -> datetime:
    """24:00 of this civil day (民法典第二百零三条第二款): the first moment after it."""
    return start_of_day(day + timedelta(days=1))


def hours_after(moment: datetime, hours: int) -> datetime:
    """An hour clock runs from the moment itself, through nights and holidays (民法典第二百零一条第二款)."""
    if moment.tzinfo is None:
        raise ValueError("an hour clock needs an aware datetime")
    return moment + timedelta(hours=hours)


def add_months(day: date, months: int) -> date:
    """The corresponding day of the last month, or its last day if there is none (民法典第二百零二条)."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month0 + 1, min(day.day, monthrange(year, month0 + 1)[1]))
