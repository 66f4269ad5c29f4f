"""The national calendar that travels with the code: shared/calendar/data, one file a year."""

from datetime import date
from functools import cache
from pathlib import Path

from shared.calendar.calendar import Calendar, OutsideCalendar
from shared.calendar.document import read_notices
from shared.calendar.notice import Notice

DATA = Path(__file__).parent / "data"


@cache
def packaged_notices() -> tuple[Notice, ...]:
    """Every version of every packaged year, in order of year and of issue."""
    years = sorted(path for path in DATA.glob("[0-9][0-9][0-9][0-9].toml"))
    return tuple(notice for path in years for notice in read_notices(path))


@cache
def national(known_on: date | None = None) -> Calendar:
    """The packaged calendar as it stands now, or as it was known on a day (notices issued by then)."""
    issued = [n for n in packaged_notices() if known_on is None or (n.issued is not None and n.issued <= known_on)]
    if not issued:
        raise OutsideCalendar(f"没有 {known_on} 以前的放假通知")
    return Calendar.build(issued)
