"""What every service's readiness asks of its own database besides that it answers.

Events are on their way, agencies and days are known. None of it stops the service: requests are answered with the
broker away, and deadlines past the last published year are provisional. All are `degraded`, with a reason an operator
can act on.
"""

from sqlalchemy import exists, select, text

from shared.calendar import civil_day
from shared.db.clock import read_now
from shared.db.engine import Database
from shared.http.health import Check, CheckResult
from shared.replicas import calendars
from shared.replicas.tables import agency_replica

BACKLOG_SECONDS = 60

ANY_AGENCY = select(exists(select(agency_replica.c.id)))
OLDEST_UNPUBLISHED = text("""
    SELECT extract(epoch FROM clock_timestamp() - created_at)::float8 FROM outbox
     WHERE published_at IS NULL ORDER BY id LIMIT 1
""")


def backlog_check(db: Database) -> Check:
    """Events leave the outbox. An API process knows no more of the bus: with nothing waiting, it may be away."""

    async def check() -> CheckResult:
        async with db.read() as session:
            waited = (await session.execute(OLDEST_UNPUBLISHED)).scalar_one_or_none() or 0.0
        if waited < BACKLOG_SECONDS:
            return CheckResult(reason=f"没有事件等待超过 {BACKLOG_SECONDS} 秒；消息总线本身见后台进程的 bus")
        reason = f"最早的事件已等待 {waited:.0f} 秒未送出：消息总线或后台进程可能中断，恢复后自动补送"
        return CheckResult(status="degraded", reason=reason)

    return check


def agencies_check(db: Database) -> Check:
    """The service knows some agency: with none, whatever needs one is refused as `replica_not_ready`."""

    async def check() -> CheckResult:
        async with db.read() as session:
            known = (await session.execute(ANY_AGENCY)).scalar_one()
        if known:
            return CheckResult()
        reason = "尚无任何机构：请先在主动公开服务登记机构；已登记而此处仍空的，请运行 lantai events republish"
        return CheckResult(status="degraded", reason=reason)

    return check


def calendar_check(db: Database) -> Check:
    """Today lies in a year whose holiday notice is loaded."""

    async def check() -> CheckResult:
        async with db.read() as session:
            today = civil_day(await read_now(session))
            last = (await calendars.current(session)).last_published_year
        if today.year <= last:
            return CheckResult(reason=f"节假日安排已载入至 {last} 年")
        reason = f"{today.year} 年节假日安排尚未载入（已载入至 {last} 年）：期限均为暂定，请发布放假通知"
        return CheckResult(status="degraded", reason=reason)

    return check
