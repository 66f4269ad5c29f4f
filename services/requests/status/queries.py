"""What an applicant sees of a case. A wrong code and an unknown number look the same, and take as long."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from services.requests.applications import codes
from services.requests.applications.models import Application, CaseEntry
from services.requests.applications.queries import View, entries_of, view_of
from services.requests.desk import Desk
from shared.db.sessions import AnySession
from shared.errors import NotFound

NOBODYS_HASH = "0" * 64


@dataclass(frozen=True)
class Status:
    """A case and its history, for the one who holds the code."""

    view: View
    entries: list[CaseEntry]


async def status_of(session: AnySession, desk: Desk, receipt_number: str, code: str) -> Status:
    """Return the case of this number if the code is its own; raises NotFound."""
    wanted: Any = select(Application).where(Application.receipt_number == receipt_number.strip())
    row = (await session.execute(wanted)).scalar_one_or_none()
    stored = NOBODYS_HASH if row is None else row.code_hash
    if not codes.matches(desk.vault, code, stored) or row is None:
        raise NotFound("没有查到：请核对受理编号和查询码。")
    return Status(await view_of(session, desk, row), await entries_of(session, row.id))
