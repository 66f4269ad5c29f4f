"""How far the published calendar reaches: what operators watch, since dates beyond it are provisional."""

from datetime import date

from shared.calendar import Calendar, civil_day
from shared.db.clock import read_now
from shared.db.engine import Database
from shared.db.sessions import ReadSession
from shared.http.health import Check, CheckResult
from shared.replicas import calendars


def days_covered(calendar: Calendar, today: date) -> int:
    """Days from today to the last certain day; negative when it has passed."""
    return (calendar.final_through - today).days


async def coverage_days(session: ReadSession) -> float:
    """Gauge: calendar coverage in days."""
    today = civil_day(await read_now(session))
    return float(days_covered(await calendars.current(session), today))


def coverage_check(db: Database) -> Check:
    """Degraded once every new date would be provisional: the next notice is missing, which may name 29–31 December."""

    async def check() -> CheckResult:
        async with db.read() as session:
            left = await coverage_days(session)
        if left >= 0:
            return CheckResult()
        return CheckResult(status="degraded", reason="下一份放假通知尚未录入，此后的期限均为暂定")

    return check
