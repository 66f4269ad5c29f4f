"""What is done about an unclear application: one notice, its answer, or 放弃."""

from datetime import date
from uuid import UUID

from services.requests.applications.case import HANDLERS, Case, open_for
from services.requests.applications.personal import Content
from services.requests.applications.rules import EntryType, require_receipt
from services.requests.corrections import rules
from services.requests.desk import Desk
from shared.auth import Principal
from shared.db.uow import UnitOfWork
from shared.events import requests as events
from shared.telemetry.redaction import redact_text


async def request_correction(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    on: date,
    items: str,
    answer_within_working_days: int,
) -> Case:
    """Send the 补正告知书, which names every item at once and grants a reasonable period (Art. 30)."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    require_receipt(case.row.received_on)
    case.check_entered(on)
    until = rules.answer_by(on, answer_within_working_days, case.calendar)
    case.row.answer_by = until
    granted = {"answer_by": until, "working_days": answer_within_working_days}
    case.record(uow, EntryType.CORRECTION_NOTICE, on, granted, note=items)
    await case.settle(uow)
    told = {"answer_by": until, "answer_provisional": case.calendar.is_provisional(until)}
    case.emit(uow, events.CorrectionRequested, items=redact_text(items), **told)
    case.audit(uow, "correction_requested", on=on, answer_by=until)
    return case


async def receive_correction(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    on: date,
    content: Content | None,
) -> Case:
    """The corrected application arrived: the period starts anew (Art. 30)."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    case.check_entered(on)
    case.row.answer_by = None
    if content is not None:
        case.row.content_sealed = content.seal(desk.vault)
    case.record(uow, EntryType.CORRECTED, on)
    await case.settle(uow)
    case.emit(uow, events.ApplicationCorrected)
    case.audit(uow, "corrected", on=on)
    return case


async def record_abandoned(
    uow: UnitOfWork, desk: Desk, principal: Principal, application_id: UUID, expected_version: int, reason: str
) -> Case:
    """逾期不补正, 视为放弃: the case is closed without a reply (Art. 30, table 三（六）1)."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    rules.check_abandoned(rules.answer_term(case.row.answer_by, case.facts, case.calendar), uow.today)
    case.record(uow, EntryType.ABANDONED, uow.today, note=reason)
    await case.settle(uow)
    case.emit(uow, events.ApplicationAbandoned)
    case.audit(uow, "abandoned")
    return case
