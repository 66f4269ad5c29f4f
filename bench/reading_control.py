"""The other side of goal 2: the same answers from FastAPI and bare asyncpg, in as few lines and statements as it takes.

It keeps what the answers need (sealed texts opened, the clock asked) and leaves out what the product adds (token,
scope, sessions, mapped rows, validated bodies, request ids, metrics, logs).
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import uvicorn
from fastapi import FastAPI, Response

from services.requests.applications.history import Fact, Position, standing
from services.requests.applications.personal import Content, Personal, is_plausible_id_number
from services.requests.applications.rules import ApplicantKind, Channel, EntryType
from services.requests.applications.schemas import STATE_LABELS
from services.requests.desk import packaged_rules
from shared.calendar import civil_day, national
from shared.crypto import Vault
from shared.db.pages import decode_cursor, encode_cursor
from shared.events.requests import ApplicationState

CALENDAR = national()
_ONE = """
    SELECT a.*, g.name AS agency_name,
           (SELECT count(*) FROM applications o
             WHERE o.agency_id = a.agency_id AND o.id_number_blind = a.id_number_blind AND o.id <> a.id) AS others
    FROM applications a JOIN agency_replica g ON g.id = a.agency_id WHERE a.id = $1
"""
_FACTS = 'SELECT sequence, type, "on", data FROM case_events WHERE application_id = $1 ORDER BY sequence'
_PARTS = """
    SELECT (SELECT count(*) FROM consultations WHERE application_id = $1)
         + (SELECT count(*) FROM extensions WHERE application_id = $1)
         + (SELECT count(*) FROM replies WHERE application_id = $1)
"""
_LIST = """
    SELECT a.*, g.name AS agency_name FROM applications a JOIN agency_replica g ON g.id = a.agency_id
    {where} ORDER BY a.registered_at DESC, a.id DESC LIMIT $1
"""


def control_app(dsn: str, vault: Vault) -> FastAPI:
    """Return the application; it reads the database at `dsn`."""
    pool: asyncpg.Pool

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        pool = await asyncpg.create_pool(dsn, min_size=10, max_size=10)
        yield
        await pool.close()

    app = FastAPI(lifespan=lifespan)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {}

    @app.get("/api/requests/v1/applications/{application_id}")
    async def one(application_id: UUID) -> Response:
        async with pool.acquire() as connection:
            row = await connection.fetchrow(_ONE, application_id)
            facts = await connection.fetch(_FACTS, application_id)
            if await connection.fetchval(_PARTS, application_id):
                raise ValueError("the measured cases have no parts")
        return _json(_whole(row, facts, civil_day(datetime.now(UTC)), vault))

    @app.get("/api/requests/v1/applications")
    async def many(limit: int = 50, cursor: str | None = None) -> Response:
        after = [] if cursor is None else decode_cursor(cursor, [datetime, UUID])
        query = _LIST.format(where="WHERE (a.registered_at, a.id) < ($2, $3)" if after else "")
        async with pool.acquire() as connection:
            rows = await connection.fetch(query, limit + 1, *after)
        shown, today = rows[:limit], civil_day(datetime.now(UTC))
        following = None
        if len(rows) > limit:
            following = encode_cursor([shown[-1]["registered_at"], shown[-1]["id"]])
        items = [_summary(row, Content.open(vault, row["content_sealed"]), today) for row in shown]
        return _json({"items": items, "next_cursor": following})

    return app


def _json(body: dict[str, Any]) -> Response:
    return Response(orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z), media_type="application/json")


def _summary(row: asyncpg.Record, content: Content, today: date) -> dict[str, Any]:
    state, due_on = ApplicationState(row["state"]), row["due_on"]
    if state is ApplicationState.RUNNING and due_on < today and not row["provisional"]:
        state = ApplicationState.OVERDUE
    running = state is ApplicationState.RUNNING
    return {
        **{name: row[name] for name in ("id", "version", "receipt_number", "agency_id", "agency_name", "channel")},
        "channel_label": Channel(row["channel"]).label,
        "applicant_name": row["applicant_masked"],
        "applicant_kind": row["applicant_kind"],
        "title": content.title,
        "state": state,
        "state_label": STATE_LABELS[state],
        **{name: row[name] for name in ("registered_at", "received_on", "due_on", "provisional")},
        "signed_for": row["signed_for_at"] is not None,
        "left": max(CALENDAR.working_days_between(today, due_on), 0) if running else 0,
    }


def _whole(row: asyncpg.Record, facts: list[asyncpg.Record], today: date, vault: Vault) -> dict[str, Any]:
    content = Content.open(vault, row["content_sealed"])
    personal = Personal.open(vault, row["personal_sealed"])
    history = [Fact(f["sequence"], EntryType(f["type"]), f["on"], orjson.loads(f["data"])) for f in facts]
    position = Position(row["received_on"], row["regulation_override"])
    now = standing(position, history, calendar=CALENDAR, rules=packaged_rules(), today=today)
    kept = ("form_wanted", "obtain_by", "delivered_on", "registered_by", "signed_for_at", "signed_for_by", "closed_on")
    return {
        **_summary(row, content, today),
        **{name: row[name] for name in kept},
        "state": now.state,
        "state_label": STATE_LABELS[now.state],
        "due_on": now.due_on,
        "provisional": now.provisional,
        "left": now.left,
        "applicant": _applicant(row, personal),
        "description": content.description,
        "document_number": content.document_number,
        "regulation": now.regulation,
        "regulation_chosen": row["regulation_override"] is not None,
        "counted": now.counted,
        "correction_answer_by": row["answer_by"],
        "paused_until": now.paused_until,
        "pause_provisional": now.paused_until is not None and CALENDAR.is_provisional(now.paused_until),
        "calendar_version": CALENDAR.version,
        "consultations": [],
        "extensions": [],
        "reply": None,
    }


def _applicant(row: asyncpg.Record, personal: Personal) -> dict[str, Any]:
    masked = personal.masked()
    return {
        **{name: getattr(masked, name) for name in ("name", "id_document", "id_number", "phone", "email", "address")},
        "kind": row["applicant_kind"],
        "kind_label": ApplicantKind(row["applicant_kind"]).label,
        "id_number_plausible": is_plausible_id_number(personal.id_number),
        "other_applications": row["others"],
    }


if __name__ == "__main__":
    dsn, key, port = sys.argv[1:]
    app = control_app(dsn, Vault.parse(f"k1:{key}"))
    uvicorn.run(app, port=int(port), log_level="error", access_log=False)
