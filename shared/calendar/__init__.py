"""Working days and civil time: the one place that knows which days count.

`national()` gives the packaged State Council calendar; a `Calendar` is immutable, and with_year/with_local_holidays
return others. `civil_day` turns a moment into a day of Asia/Shanghai.
"""

from shared.calendar.calendar import Calendar, DayKind, OutsideCalendar
from shared.calendar.civil import SHANGHAI, add_months, civil_day, end_of_day, hours_after, start_of_day
from shared.calendar.document import parse_notices, read_notices
from shared.calendar.notice import UNCONFIRMED, Holiday, InvalidNotice, Notice, cite
from shared.calendar.packaged import national, packaged_notices
from shared.calendar.statutory import lunar_years, statutory_days

__all__ = [
    "SHANGHAI",
    "UNCONFIRMED",
    "Calendar",
    "DayKind",
    "Holiday",
    "InvalidNotice",
    "Notice",
    "OutsideCalendar",
    "add_months",
    "cite",
    "civil_day",
    "end_of_day",
    "hours_after",
    "lunar_years",
    "national",
    "packaged_notices",
    "parse_notices",
    "read_notices",
    "start_of_day",
    "statutory_days",
]
