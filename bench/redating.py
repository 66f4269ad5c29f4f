"""Goal 10, written through: open cases dated anew after a notice, against the same four statements in PostgreSQL alone.

Ours: a holiday more, or one less, is consumed, and the background job dates every case anew (row, timers, audit entry,
event). The control, in one transaction: one UPDATE that moves the rows' due days, one upsert of the timers (of the four
that ours moves, and for comparison of one), one INSERT of audit entries and one of outbox rows of the same size. CASES
(20,000) says how many.
"""

import asyncio
import os
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import asyncpg

from bench.rig import Way, interleaved, line
from bench.stage import AGENCIES, COUNTY, VAULT, service_database
from services.requests.desk import Desk, packaged_rules
from services.requests.redating.commands import on_calendar_published
from services.requests.redating.tasks import redate_all
from services.requests.settings import RequestsSettings
from shared.calendar import national
from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import Actor
from shared.events import Envelope
from shared.events.catalog import CalendarPublished
from shared.service.settings import Environment

CASES = int(os.environ.get("CASES", "20000"))
TODAY, DUE_ON, MORE = datetime(2026, 6, 11, 2, tzinfo=UTC), date(2026, 7, 10), date(2026, 7, 1)
SYSTEM = Actor.system("requests")
_OFFSET = "INSERT INTO clock_offset VALUES (true, $1)"
_CASES = """
    INSERT INTO applications (id, agency_id, version, receipt_number, code_hash, recipient_ref, channel, applicant_kind,
        applicant_masked, personal_sealed, content_sealed, id_number_blind, form_wanted, obtain_by, registered_at,
        registered_by, delivered_on, received_on, signed_for_at, signed_for_by, state, due_on, provisional, left_days)
    SELECT md5('a' || n)::uuid, $1, 2, 'X-' || n, repeat('0', 64), md5('r' || n)::uuid, 'counter', 'natural_person',
        '王**', repeat('x', 300), repeat('y', 300), md5(n::text), 'paper', 'post', now(), 'clerk-1', $2, $2, now(),
        'clerk-1', 'running', $3, false, 20
    FROM generate_series(1, $4::integer) n
"""
_HISTORY = """
    INSERT INTO case_events (id, agency_id, application_id, sequence, type, "on", data, recorded_at, recorded_by,
        recorder_name)
    SELECT md5(n || id::text)::uuid, agency_id, id, n, type, received_on, '{}', now(), 'clerk-1', '经办甲'
    FROM applications, (VALUES (1, 'registered'), (2, 'signed_for')) AS entry (n, type)
"""
_TIMERS = """
    INSERT INTO timers (id, subject, kind, due_at) SELECT md5(kind || id::text)::uuid, id, kind, $1
    FROM applications, unnest($2::text[]) AS kind
"""
KINDS = ("reminder_5", "reminder_3", "reminder_1", "overdue")
_CONTROL = (
    "UPDATE applications SET version = version + 1, due_on = due_on + CASE WHEN version % 2 = 0 THEN 1 ELSE -1 END",
    """INSERT INTO timers (id, subject, kind, due_at) SELECT gen_random_uuid(), id, 'control_' || kind, now()
        FROM applications, unnest($1::text[]) AS kind
        ON CONFLICT (subject, kind) WHERE fired_at IS NULL DO UPDATE SET due_at = excluded.due_at""",
    """INSERT INTO audit_entries SELECT gen_random_uuid(), now(), 'system', 'requests', '系统', 'application.redated',
        id, agency_id, repeat('d', 160) FROM applications""",
    """INSERT INTO outbox (event_id, topic, key, headers, body) SELECT gen_random_uuid(),
        'lantai.requests.applications', id::text, repeat('h', 420), convert_to(repeat('b', 420), 'UTF8')
        FROM applications""",
)


async def main() -> None:
    async with service_database("requests") as found:
        connection = await direct.connect(found.admin_url, "bench")
        await _fill(connection)
        db = Database(found.url, "requests")
        desk = Desk(RequestsSettings(env=Environment.TEST), packaged_rules(), VAULT)
        version = 0

        async def ours() -> float:
            nonlocal version
            version += 1
            async with db.write(SYSTEM) as uow:
                await on_calendar_published(uow, Envelope(uuid7(), "/bench", COUNTY, uow.now, COUNTY, _notice(version)))
            started = time.perf_counter()
            await redate_all(db, desk)
            return CASES / (time.perf_counter() - started)

        def control(*kinds: str) -> Way:
            async def run() -> float:
                started = time.perf_counter()
                async with connection.transaction():
                    for statement in _CONTROL:
                        await connection.execute(statement, *([kinds] if "$1" in statement else []))
                return CASES / (time.perf_counter() - started)

            return run

        rates = await interleaved({"ours": ours, "control": control(*KINDS), "one timer": control(KINDS[0])})
        told = await connection.fetchval("SELECT count(*) FROM outbox WHERE headers LIKE '%redated%'")
        await db.dispose()
        await direct.close(connection)
    (rate, spread), (limit, _), (least, _) = rates["ours"], rates["control"], rates["one timer"]
    each = told / CASES / version
    detail = f"{rate:,.0f} cases/s (±{spread:.0%}) ÷ {limit:,.0f}; {each:.6f} events a case and notice"
    line("10 re-dating, written through", rate / limit, "≥ 0.4", detail)
    line("10 (control moves one timer of the four)", rate / least, "no target", f"{least:,.0f} cases/s")


def _notice(version: int) -> CalendarPublished:
    """The year's notice with one day off more, and without it again."""
    packaged = next(notice for notice in national().notices if notice.year == 2026)
    off = [day for holiday in packaged.holidays for day in holiday.days()]
    return CalendarPublished(
        year=2026,
        version=version,
        notice_number=f"测量〔2026〕{version}号",
        notice_date=date(2026, 6, 1),
        holidays=tuple(sorted([*off, MORE] if version % 2 else off)),
        make_up_days=tuple(packaged.make_up_days),
        effective_from=TODAY - timedelta(days=1),
    )


async def _fill(connection: asyncpg.Connection) -> None:
    values: list[tuple[str, list[Any]]] = [
        (_OFFSET, [int((TODAY - datetime.now(UTC)).total_seconds())]),
        (_CASES, [AGENCIES[0], date(2026, 6, 11), DUE_ON, CASES]),
        (_HISTORY, []),
        (_TIMERS, [TODAY + timedelta(days=30), [*KINDS, *(f"control_{kind}" for kind in KINDS)]]),
        ("ANALYZE", []),
    ]
    for statement, arguments in values:
        await connection.execute(statement, *arguments, timeout=300)


if __name__ == "__main__":
    asyncio.run(main())
