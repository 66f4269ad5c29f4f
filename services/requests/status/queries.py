"""What an applicant sees of a case. A wrong code and an unknown number look the same, and take as long."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

from services.requests.applications import codes
from services.requests.applications.history import standing
from services.requests.applications.models import Application, CaseEntry
from services.requests.applications.queries import View, entries_of, view_of
from services.requests.applications.rules import EntryType
from services.requests.desk import Desk
from services.requests.replies.dispositions import table_rows
from services.requests.replies.remedy_periods import RemedyDay, last_days
from services.requests.replies.rules import DeliveryMode
from shared.calendar import civil_day
from shared.db.sessions import AnySession
from shared.errors import NotFound
from shared.replicas import calendars

NOBODYS_HASH = "0" * 64


@dataclass(frozen=True)
class Told:
    """What an extension came to, as the applicant was told: the days, and the due day of that moment."""

    working_days: int
    due_on: date | None
    provisional: bool


@dataclass(frozen=True)
class Status:
    """A case and its history, for the one who holds the code."""

    view: View
    entries: list[CaseEntry]
    extended: dict[int, Told]
    remedies: list[RemedyDay]


async def status_of(session: AnySession, desk: Desk, receipt_number: str, code: str) -> Status:
    """Return the case of this number if the code is its own; raises NotFound."""
    typed = receipt_number.strip()
    numbers = {typed, unicodedata.normalize("NFKC", typed).upper()}  # as a phone's keyboard may write it
    wanted: Any = select(Application).where(Application.receipt_number.in_(numbers)).limit(1)
    row = (await session.execute(wanted)).scalar_one_or_none()
    stored = NOBODYS_HASH if row is None else row.code_hash
    if not codes.matches(desk.vault, code, stored) or row is None:
        raise NotFound("没有查到：请核对受理编号和查询码。")
    view = await view_of(session, desk, row)
    return Status(view, await entries_of(session, row.id), _extended(view, desk), await _remedies(session, desk, view))


def _extended(view: View, desk: Desk) -> dict[int, Told]:
    """Read the clock again after each extension, on the facts that were recorded by then."""
    found = {}
    for fact in view.facts:
        if fact.type is EntryType.EXTENDED:
            known = [each for each in view.facts if each.sequence <= fact.sequence]
            then = standing(view.position, known, calendar=view.calendar, rules=desk.rules, today=fact.on)
            found[fact.sequence] = Told(int(fact.data["working_days"]), then.due_on, then.provisional)
    return found


async def _remedies(session: AnySession, desk: Desk, view: View) -> list[RemedyDay]:
    """Return the last days to object to a delivered reply, on today's calendar: they run on when a case is closed."""
    reply = view.reply
    if reply is None or reply.delivered_on is None or reply.delivery_mode is None or reply.decided_at is None:
        return []
    calendar = await calendars.current(session, view.row.agency_id)
    kind, mode = table_rows()[reply.row].remedy, DeliveryMode(reply.delivery_mode)
    return last_days(kind, mode, reply.delivered_on, civil_day(reply.decided_at), desk.rules, calendar)
