"""Intake and the general steps of a case: 登记, 签收, 退回, 双方确认, 另定条例, 撤回.

Each command is one transaction: row, history, timers, event and audit entry are written together or not at all.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.requests.applications import codes, rules
from services.requests.applications.case import APPROVERS, HANDLERS, PERSONAL_READERS, Case, new_row, open_for
from services.requests.applications.models import Application
from services.requests.applications.personal import Content, Personal, blind_id_number
from services.requests.applications.rules import ApplicantKind, Channel, EntryType, FormWanted, ObtainBy
from services.requests.clock.events import RegulationName
from services.requests.desk import Desk
from services.requests.third_parties.commands import redate_terms
from shared.auth import Principal
from shared.auth.scope import require, require_on
from shared.calendar.civil import SHANGHAI
from shared.crypto import mask_name
from shared.db.clock import BUSINESS_NOW
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound
from shared.events import requests as events
from shared.replicas.place import Place, is_told, place_and, place_asked, place_told

# Whoever comes at the same time waits, so no number is skipped.
NEXT_SERIAL = """
    INSERT INTO receipt_series AS series (agency_id, year, last_serial) VALUES ($1, $2, 1)
    ON CONFLICT (agency_id, year) DO UPDATE SET last_serial = series.last_serial + 1 RETURNING last_serial
"""
LAST_SERIAL = f"""
    (SELECT last_serial FROM receipt_series
      WHERE agency_id = $3 AND year = extract(year FROM ({BUSINESS_NOW}) AT TIME ZONE '{SHANGHAI.key}')::int)
"""
# When another one has taken the number meanwhile, the NULL is refused and nothing is written.
TAKE_SERIAL = """
    INSERT INTO receipt_series AS series (agency_id, year, last_serial) VALUES ({0}, {1}, {2})
    ON CONFLICT (agency_id, year) DO UPDATE
       SET last_serial = CASE series.last_serial WHEN excluded.last_serial - 1 THEN excluded.last_serial END
"""
PLACE_AND_LAST_SERIAL = place_asked(3, LAST_SERIAL)


@dataclass(frozen=True)
class NewApplication:
    """What an applicant files, by whichever channel."""

    agency_id: UUID
    applicant_kind: ApplicantKind
    personal: Personal
    content: Content
    form_wanted: FormWanted
    obtain_by: ObtainBy


@dataclass(frozen=True)
class Receipted:
    """A registered case and the secret code, which is shown this once."""

    row: Application
    code: str
    agency_name: str


async def submit(uow: UnitOfWork, desk: Desk, new: NewApplication) -> Receipted:
    """Register what a citizen files online. No clock runs until both sides have confirmed (Art. 31(三))."""
    agency, serial = await _place_and_serial(uow, new.agency_id)
    return await _register(uow, desk, agency, serial, new, Channel.ONLINE, uow.today)


async def register(
    uow: UnitOfWork, desk: Desk, principal: Principal, new: NewApplication, channel: Channel, delivered_on: date
) -> Receipted:
    """Register what arrived by another channel, with the day on which it truly arrived."""
    agency, serial = await _place_and_serial(uow, new.agency_id)
    require_on(principal, HANDLERS, agency.line)
    return await _register(uow, desk, agency, serial, new, channel, delivered_on)


async def _place_and_serial(uow: UnitOfWork, agency_id: UUID) -> tuple[Place, int]:
    """Return the agency and its next number of the year; a refusal gives the number back.

    A unit of work that asked `PLACE_AND_LAST_SERIAL` knows both, and takes the number with what it writes.
    """
    if uow.begun or not is_told(uow):
        return await place_and(uow, agency_id, NEXT_SERIAL, uow.today.year)
    agency, last = await place_told(uow, agency_id)
    serial: int = (last or 0) + 1
    uow.also(TAKE_SERIAL, agency_id, uow.today.year, serial)
    return agency, serial


async def _register(
    uow: UnitOfWork, desk: Desk, agency: Place, serial: int, new: NewApplication, channel: Channel, delivered_on: date
) -> Receipted:
    if not agency.active:
        raise rules.AgencyInactive()
    rules.check_arrival(delivered_on, uow.today)
    code = codes.new_code()
    row = new_row(
        id=uuid7(),
        agency_id=new.agency_id,
        version=0,
        receipt_number=rules.receipt_number(
            desk.settings.receipt_number_format, code=agency.code, year=uow.today.year, serial=serial
        ),
        code_hash=codes.code_hash(desk.vault, code),
        recipient_ref=uuid7(),
        channel=channel.value,
        applicant_kind=new.applicant_kind.value,
        applicant_masked=mask_name(new.personal.name),
        personal_sealed=new.personal.seal(desk.vault),
        content_sealed=new.content.seal(desk.vault),
        id_number_blind=blind_id_number(desk.vault, new.personal.id_number),
        form_wanted=new.form_wanted.value,
        obtain_by=new.obtain_by.value,
        registered_at=uow.now,
        registered_by=uow.actor.id,
        delivered_on=delivered_on,
        received_on=rules.known_receipt(channel, delivered_on),
        state=events.ApplicationState.AWAITING_CONFIRMATION.value,
        provisional=False,
    )
    case = Case(row=row, facts=[], agency=agency, calendar=agency.calendar, desk=desk, today=uow.today)
    case.record(uow, EntryType.REGISTERED, uow.today, {"channel": channel.value, "delivered_on": delivered_on})
    await case.settle(uow)
    case.emit(uow, events.ApplicationRegistered)
    case.audit(uow, "registered", channel=channel.value, received_on=row.received_on)
    return Receipted(row, code, agency.name)


async def sign_for(
    uow: UnitOfWork, desk: Desk, principal: Principal, application_id: UUID, expected_version: int
) -> Case:
    """签收: the handling agency takes the case. The clock does not ask for it."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version, signed_for=False)
    if case.row.signed_for_at is not None:
        raise rules.AlreadySignedFor()
    case.row.signed_for_at, case.row.signed_for_by = uow.now, uow.actor.id
    case.record(uow, EntryType.SIGNED_FOR, uow.today)
    await case.settle(uow)
    case.emit(uow, events.ApplicationSignedFor)
    case.audit(uow, "signed_for")
    return case


async def return_to_registry(
    uow: UnitOfWork, desk: Desk, principal: Principal, application_id: UUID, expected_version: int, reason: str
) -> Case:
    """退回: give a case back to the registry before work on it has begun. A clock that runs goes on running."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    rules.require_untouched(fact.type for fact in case.facts)
    case.row.signed_for_at = case.row.signed_for_by = None
    case.record(uow, EntryType.RETURNED, uow.today, note=reason)
    await case.settle(uow)
    case.audit(uow, "returned")
    return case


async def confirm_receipt(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    on: date,
    how: str,
    with_whom: str,
) -> Case:
    """双方确认: the day counts as the receipt day, and the clock runs from it (Art. 31(二)(三))."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    if case.row.received_on is not None:
        raise rules.ReceiptAlreadyKnown(f"收到申请之日为 {case.row.received_on}。")
    case.check_entered(on)
    case.row.received_on = on
    case.record(uow, EntryType.CONFIRMED, on, {"how": how}, note=with_whom)
    await case.settle(uow)
    case.emit(uow, events.ApplicationConfirmed, received_on=on)
    case.audit(uow, "confirmed", received_on=on)
    return case


async def choose_regulation(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    regulation: RegulationName,
    reason: str,
) -> Case:
    """另定适用的条例: an officer decides with a reason; the 2019 text has no transitional article (statutes §12-2)."""
    case = await open_for(uow, desk, principal, APPROVERS, application_id, expected_version)
    case.row.regulation_override = regulation.value
    case.record(uow, EntryType.REGULATION_CHOSEN, uow.today, {"regulation": regulation.value}, note=reason)
    await redate_terms(uow, case)
    await case.settle(uow)
    case.audit(uow, "regulation_chosen", regulation=regulation.value)
    return case


async def withdraw(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    expected_version: int,
    *,
    on: date,
    reason: str,
) -> Case:
    """The applicant withdrew; the case is closed, whether or not it was signed for."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version, signed_for=False)
    case.check_entered(on)
    case.record(uow, EntryType.WITHDRAWN, on, note=reason)
    await case.settle(uow)
    case.emit(uow, events.ApplicationWithdrawn)
    case.audit(uow, "withdrawn", on=on)
    return case


async def open_personal_data(uow: UnitOfWork, principal: Principal, application_id: UUID, reason: str) -> Application:
    """Let those who handle the case read who applies; the reading itself is audited."""
    row = await uow.session.get(Application, application_id)
    if row is None:
        raise NotFound("没有这件申请。")
    await require(uow.session, principal, PERSONAL_READERS, row.agency_id)
    uow.audit("application.personal_data_read", subject=row.id, agency_id=row.agency_id, details={"reason": reason})
    return row
