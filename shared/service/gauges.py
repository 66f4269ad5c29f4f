"""The numbers that every service's database tells of itself, read when metrics are scraped.

All of them are read through partial indexes of what is open, so a scrape costs the same beside millions of old rows.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy import text

from shared.bus.dead_letters import EVENT, OUTBOX, TIMER
from shared.db.clock import BUSINESS_NOW
from shared.db.sessions import ReadSession
from shared.service.definition import Gauge


def _number(statement: str) -> Callable[[ReadSession], Awaitable[float]]:
    query = text(statement)

    async def value(session: ReadSession) -> float:
        return float((await session.execute(query)).scalar_one())

    return value


# A letter recorded late sets timers that are due already, and one that failed pauses: nobody could fire them before.
# When they were set and when they pause until is told on the real clock.
_LONGEST_WAIT = f"""
    SELECT coalesce(max(extract(epoch FROM
               now.business - greatest(due_at, greatest(scheduled_at, retry_at) + (now.business - now())))), 0)
      FROM timers, (SELECT {BUSINESS_NOW} AS business) AS now
     WHERE fired_at IS NULL AND due_at <= now.business AND (retry_at IS NULL OR retry_at <= now())
"""

_FAILING = f"SELECT count(*) FROM timers WHERE fired_at IS NULL AND due_at <= {BUSINESS_NOW} AND attempts > 0"

SPINE = (
    Gauge(
        "outbox_oldest_seconds",
        "Age of the oldest event that the log has not taken yet",
        _number(
            "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)"
            " FROM outbox WHERE published_at IS NULL"
        ),
    ),
    Gauge(
        "outbox_unpublished",
        "Events that the log has not taken yet",
        _number("SELECT count(*) FROM outbox WHERE published_at IS NULL"),
    ),
    Gauge("parked_keys", "Keys whose events wait behind one that failed", _number("SELECT count(*) FROM parked_keys")),
    Gauge(
        "parked_oldest_seconds",
        "How long the key that was parked first stands still",
        _number("SELECT coalesce(extract(epoch FROM clock_timestamp() - min(parked_at)), 0) FROM parked_keys"),
    ),
    *(
        Gauge(
            "dead_letters_open",
            "Events, timers and outbox rows that were tried to the end and wait for a person",
            _number(f"SELECT count(*) FROM dead_letters WHERE decided_at IS NULL AND kind = '{kind}'"),
            {"kind": kind},
        )
        for kind in (EVENT, TIMER, OUTBOX)
    ),
    Gauge("timers_failing", "Timers that have failed and are tried again", _number(_FAILING)),
    Gauge(
        "timer_overdue_seconds",
        "How long a timer that could fire has waited at most",
        _number(_LONGEST_WAIT),
    ),
)
