"""Asking third parties and other organs, and what came of it. The days in between are the clock's to exclude."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.requests.applications.case import HANDLERS, PERSONAL_READERS, Case, open_for
from services.requests.applications.history import applying, term_end
from services.requests.applications.models import Application
from services.requests.applications.rules import EntryType
from services.requests.clock.events import ConsultationKind
from services.requests.desk import Desk
from services.requests.third_parties import rules
from services.requests.third_parties.models import Consultation
from services.requests.third_parties.rules import Opinion
from shared.auth import Principal
from shared.auth.scope import require
from shared.crypto import mask_name
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound
from shared.events import requests as events

CONSULTED = "consultations.consulted"
REASON = "consultations.reason"


@dataclass(frozen=True)
class NewConsultation:
    """A letter that was sent."""

    kind: ConsultationKind
    consulted: str
    sent_on: date
    delivered_on: date | None


async def start_consultation(
    uow: UnitOfWork, desk: Desk, principal: Principal, application_id: UUID, expected_version: int, new: NewConsultation
) -> Case:
    """Record that a 征求意见书 was sent: the days after it are excluded (Art. 33)."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    received_on = case.received_on
    case.check_entered(new.sent_on)
    is_person = new.kind is ConsultationKind.THIRD_PARTY
    consultation = Consultation(
        id=uuid7(),
        agency_id=case.row.agency_id,
        application_id=case.row.id,
        kind=new.kind.value,
        consulted_sealed=desk.vault.seal(new.consulted, context=CONSULTED),
        consulted_masked=mask_name(new.consulted) if is_person else new.consulted,
        sent_on=new.sent_on,
    )
    uow.session.add(consultation)
    data = {"consultation": consultation.id, "kind": new.kind.value}
    case.record(uow, EntryType.CONSULTATION_STARTED, new.sent_on, data)
    if new.delivered_on is not None:
        _deliver(uow, case, consultation, new.delivered_on)
    consultation.term_ends_on = _term_end(case, consultation, received_on)
    await case.settle(uow)
    case.emit(uow, events.ConsultationStarted, kind=new.kind.value)
    case.audit(uow, "consultation_started", consultation=consultation.id, kind=new.kind.value, on=new.sent_on)
    return case


async def record_delivery(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    consultation_id: UUID,
    expected_version: int,
    delivered_on: date,
) -> Case:
    """Record the day on which the letter reached its addressee: the term runs from it (Arts. 32, 34)."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    consultation = await _running(uow, case, consultation_id)
    _deliver(uow, case, consultation, delivered_on)
    consultation.term_ends_on = _term_end(case, consultation, case.received_on)
    await case.settle(uow)
    case.audit(uow, "consultation_delivered", consultation=consultation.id, on=delivered_on)
    return case


async def end_consultation(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    application_id: UUID,
    consultation_id: UUID,
    expected_version: int,
    *,
    on: date,
    opinion: Opinion,
    reason: str | None,
) -> Case:
    """Record the opinion received. Counting goes on the day after, or went on when the term ended."""
    case = await open_for(uow, desk, principal, HANDLERS, application_id, expected_version)
    consultation = await _running(uow, case, consultation_id)
    rules.check_opinion(opinion, reason)
    case.check_entered(on)
    consultation.ended_on = on
    consultation.opinion = opinion.value
    consultation.reason_sealed = None if reason is None else desk.vault.seal(reason, context=REASON)
    data = {"consultation": consultation.id, "kind": consultation.kind, "opinion": opinion.value}
    case.record(uow, EntryType.CONSULTATION_ENDED, on, data)
    await case.settle(uow)
    case.emit(uow, events.ConsultationEnded, kind=consultation.kind)
    case.audit(uow, "consultation_ended", consultation=consultation.id, opinion=opinion.value, on=on)
    return case


async def lapse_terms(uow: UnitOfWork, case: Case) -> None:
    """Note which terms have ended in silence since somebody last looked, and tell the handlers."""
    wanted = select(Consultation).where(
        Consultation.application_id == case.row.id,
        Consultation.ended_on.is_(None),
        Consultation.lapsed_on.is_(None),
        Consultation.term_ends_on < case.today,
    )
    for consultation in (await uow.session.execute(wanted)).scalars():
        ended_on = consultation.lapsed_on = consultation.term_ends_on
        case.emit(uow, events.ConsultationEnded, kind=consultation.kind)
        provisional = ended_on is not None and case.calendar.is_provisional(ended_on)
        details = {"consultation": consultation.id, "on": ended_on, "provisional": provisional}
        case.audit(uow, "consultation_lapsed", **details)


async def redate_terms(uow: UnitOfWork, case: Case) -> bool:
    """Compute the terms of a case's open consultations anew, after the calendar or the Regulation changed.

    A term that was held to have ended in silence and now ends later runs again. Return whether any moved.
    """
    if case.row.received_on is None:
        return False
    moved = False
    wanted = select(Consultation).where(Consultation.application_id == case.row.id, Consultation.ended_on.is_(None))
    for consultation in (await uow.session.execute(wanted)).scalars():
        end = _term_end(case, consultation, case.row.received_on)
        moved = moved or end != consultation.term_ends_on
        consultation.term_ends_on = end
        if consultation.lapsed_on is not None:
            consultation.lapsed_on = end if end is not None and end < case.today else None
    return moved


async def open_consulted(
    uow: UnitOfWork, principal: Principal, application_id: UUID, consultation_id: UUID, reason: str
) -> Consultation:
    """Let those who handle the case read who was asked; the reading itself is audited."""
    row = await uow.session.get(Application, application_id)
    if row is None:
        raise NotFound("没有这件申请。")
    await require(uow.session, principal, PERSONAL_READERS, row.agency_id)
    consultation = await _consultation(uow, row.id, consultation_id)
    details = {"consultation": consultation.id, "reason": reason}
    uow.audit("application.consulted_read", subject=row.id, agency_id=row.agency_id, details=details)
    return consultation


def _deliver(uow: UnitOfWork, case: Case, consultation: Consultation, delivered_on: date) -> None:
    case.check_entered(delivered_on)
    if consultation.delivered_on is not None:
        raise rules.DeliveryKnown(f"已记录为 {consultation.delivered_on}。")
    consultation.delivered_on = delivered_on
    case.record(uow, EntryType.CONSULTATION_DELIVERED, delivered_on, {"consultation": consultation.id})


def _term_end(case: Case, consultation: Consultation, received_on: date) -> date | None:
    regulation = applying(case.position, received_on, case.desk.rules)
    kind = ConsultationKind(consultation.kind)
    return term_end(kind, consultation.sent_on, consultation.delivered_on, regulation, case.calendar)


async def _running(uow: UnitOfWork, case: Case, consultation_id: UUID) -> Consultation:
    consultation = await _consultation(uow, case.row.id, consultation_id)
    if consultation.ended_on is not None:
        raise rules.ConsultationOver(f"已于 {consultation.ended_on} 结束。")
    return consultation


async def _consultation(uow: UnitOfWork, application_id: UUID, consultation_id: UUID) -> Consultation:
    consultation = await uow.session.get(Consultation, consultation_id)
    if consultation is None or consultation.application_id != application_id:
        raise NotFound("本案没有这次征求意见。")
    return consultation
