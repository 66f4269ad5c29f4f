"""Asking for more time, and deciding about it: two people, before expiry, and the applicant is told (Art. 33)."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.case import APPROVERS, HANDLERS, Case, open_for
from services.requests.applications.history import Fact, standing
from services.requests.applications.rules import EntryType, require_another, require_receipt
from services.requests.desk import Desk
from services.requests.extensions import rules
from services.requests.extensions.models import Extension
from services.requests.extensions.rules import ExtensionState
from shared.auth import Principal
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import requests as events
from shared.telemetry.redaction import redact_text


async def request_extension(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    working_days: int,
    reason: str,
    told_on: date | None,
) -> Case:
    """Ask for an extension; one that could not be granted is refused at once, by the day the applicant was told."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    if await _pending(uow, case) is not None:
        raise rules.ExtensionPending()
    require_receipt(case.row.received_on)
    if told_on is not None:
        case.check_entered(told_on)
    _try(case, working_days, told_on or uow.today)
    extension = Extension(
        id=uuid7(),
        agency_id=case.row.agency_id,
        application_id=case.row.id,
        working_days=working_days,
        reason=reason,
        told_on=told_on,
        state=ExtensionState.REQUESTED.value,
        requested_at=uow.now,
        requested_by=uow.actor.id,
    )
    uow.session.add(extension)
    await case.settle(uow)
    case.audit(uow, "extension_requested", extension=extension.id, working_days=working_days, told_on=told_on)
    return case


async def decide_extension(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    approved: bool,
    note: str | None,
) -> Case:
    """Approve or refuse. An approval extends the period on the day the applicant was told: today, if not before."""
    case = await open_for(uow, desk, principal, APPROVERS, application_id, expected_version)
    extension = await _pending(uow, case)
    if extension is None:
        raise rules.NoExtensionPending()
    require_another(extension.requested_by, principal.subject)
    extension.state = (ExtensionState.APPROVED if approved else ExtensionState.REFUSED).value
    extension.decided_at, extension.decided_by, extension.decision_note = uow.now, uow.actor.id, note
    if approved:
        extension.told_on = extension.told_on or uow.today
        data = {"extension": extension.id, "working_days": extension.working_days}
        case.record(uow, EntryType.EXTENDED, extension.told_on, data)
    await case.settle(uow)
    if approved:
        reason = redact_text(extension.reason)
        case.emit(uow, events.ApplicationExtended, working_days=extension.working_days, reason=reason)
    action = "extension_approved" if approved else "extension_refused"
    case.audit(uow, action, extension=extension.id, working_days=extension.working_days)
    return case


def _try(case: Case, working_days: int, on: date) -> None:
    """Ask the clock whether an extension told on a day would be lawful; raises IllegalEvent if not."""
    hypothetical = Fact(len(case.facts) + 1, EntryType.EXTENDED, on, {"working_days": working_days})
    facts = [*case.facts, hypothetical]
    rules, today = case.desk.rules, case.today
    standing(case.position, facts, calendar=case.calendar, rules=rules, today=today, new=hypothetical)


async def _pending(uow: UnitOfWork, case: Case) -> Extension | None:
    wanted = select(Extension).where(
        Extension.application_id == case.row.id, Extension.state == ExtensionState.REQUESTED.value
    )
    return (await uow.session.execute(wanted)).scalar_one_or_none()
