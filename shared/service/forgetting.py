"""What a service's database does not keep for ever: published outbox rows, the inbox, and timers that have fired.

Small batches, each a transaction of its own that passes over rows somebody else has in hand, so that no command waits.
Audit, cases and notices are not touched here.
"""

from collections.abc import Collection

from sqlalchemy import text

from shared.db.clock import BUSINESS_NOW
from shared.db.engine import Database
from shared.db.uow import Actor
from shared.events import Event
from shared.telemetry.metrics import Metrics

OUTBOX_DAYS = 7
"""A published event stands in the log; a week is for looking what was sent when."""
INBOX_DAYS = 400
"""Far longer than any topic keeps its records: what the log can still repeat, or be rewound to, must be known here."""
FIRED_TIMER_DAYS = 400
"""A year's round, with what is late: then the reminders that were sent are in the audit and the notices alone."""
BATCH_ROWS = 1000

_OUTBOX = text("""
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox WHERE published_at < now() - make_interval(days => :days)
         ORDER BY id LIMIT :rows FOR UPDATE SKIP LOCKED)
    RETURNING true
""")
_TIMERS = text(f"""
    DELETE FROM timers WHERE id IN (
        SELECT id FROM timers WHERE fired_at < {BUSINESS_NOW} - make_interval(days => :days)
         LIMIT :rows FOR UPDATE SKIP LOCKED)
    RETURNING true
""")
# Ids begin with the time at which they were made, so the key itself says where the old ones end.
_INBOX = text("""
    DELETE FROM inbox WHERE event_id IN (
        SELECT event_id FROM inbox
         WHERE event_id < CAST(lpad(to_hex(CAST(extract(epoch FROM now() - make_interval(days => :days)) * 1000
                                                AS bigint)), 12, '0') || repeat('0', 20) AS uuid)
           AND received_at < now() - make_interval(days => :days) AND type <> ALL(CAST(:kept AS text[]))
         ORDER BY event_id LIMIT :rows FOR UPDATE SKIP LOCKED)
    RETURNING true
""")


class Forgetting:
    """Removes what is old enough. A compacted topic repeats its last records for ever, so their ids are kept."""

    def __init__(self, db: Database, consumed: Collection[type[Event]], metrics: Metrics) -> None:
        kept = sorted(event.type for event in consumed if event.topic.compacted)
        self._db = db
        self._batches = (
            ("outbox", _OUTBOX, {"days": OUTBOX_DAYS}),
            ("inbox", _INBOX, {"days": INBOX_DAYS, "kept": kept}),
            ("timers", _TIMERS, {"days": FIRED_TIMER_DAYS}),
        )
        self._forgotten = metrics.counter("rows_forgotten", "Rows removed because they were old", ("table",))

    async def forget(self) -> int:
        """Remove a batch from each table; return how many rows."""
        total = 0
        for table, statement, values in self._batches:
            async with self._db.write(Actor.system(self._db.service)) as uow:
                gone = len((await uow.session.execute(statement, {**values, "rows": BATCH_ROWS})).all())
            self._forgotten.labels(table).inc(gone)
            total += gone
        return total
