"""Commands on obligations: entering one, setting an interval, recording the event that triggers it, fulfilling it."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import delete, select

from services.catalog.agencies import queries as agencies
from services.catalog.documents.models import Document
from services.catalog.documents.rules import State as DocumentState
from services.catalog.obligations.generation import DUE_SOON, OVERDUE, Ahead, generate
from services.catalog.obligations.limits import event_limit, take_limit
from services.catalog.obligations.models import Instance, Obligation
from services.catalog.obligations.rules import (
    Cadence,
    EventInFuture,
    EventRecorded,
    InstanceState,
    MonthDay,
    NotTriggered,
    ObligationKeyTaken,
    check_fulfilment,
    check_schedule,
)
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.events.catalog import ObligationFulfilled
from shared.replicas import calendars
from shared.statutes import Unit


@dataclass(frozen=True)
class NewObligation:
    """An obligation as its source states it."""

    key: str
    title: str
    quote: str
    plan: str
    citation: str
    cadence: Cadence
    starts_on: date
    every_days: int | None = None
    due_by: MonthDay | None = None
    once_on: date | None = None
    season: tuple[MonthDay, MonthDay] | None = None
    limit_number: int | None = None
    limit_unit: Unit | None = None


async def create_obligation(
    uow: UnitOfWork, principal: Principal, agency_id: UUID, new: NewObligation, ahead: Ahead
) -> Obligation:
    """Enter an obligation of an agency."""
    await agencies.get(uow.session, agency_id)
    await require(uow.session, principal, (Role.SUPERVISOR, Role.ADMIN), agency_id)
    return await add_obligation(uow, agency_id, new, ahead)


async def add_obligation(
    uow: UnitOfWork, agency_id: UUID, new: NewObligation, ahead: Ahead, obligation_id: UUID | None = None
) -> Obligation:
    """Write an obligation and its first instances; sample data calls this without a person."""
    taken = select(Obligation.id).where(Obligation.agency_id == agency_id, Obligation.key == new.key)
    if (await uow.session.execute(taken)).first():
        raise ObligationKeyTaken
    obligation = Obligation(
        id=obligation_id or uuid7(),
        agency_id=agency_id,
        version=1,
        key=new.key,
        title=new.title,
        quote=new.quote,
        plan=new.plan,
        citation=new.citation,
        cadence=new.cadence.value,
        every_days=new.every_days,
        due_by=str(new.due_by) if new.due_by else None,
        once_on=new.once_on,
        season_from=str(new.season[0]) if new.season else None,
        season_to=str(new.season[1]) if new.season else None,
        limit_number=new.limit_number,
        limit_unit=new.limit_unit.value if new.limit_unit else None,
        starts_on=new.starts_on,
        created_at=uow.now,
        updated_at=uow.now,
    )
    check_schedule(obligation.schedule)
    uow.session.add(obligation)
    await uow.session.flush()
    await generate(uow, obligation, ahead)
    uow.audit("obligation.created", subject=obligation.id, agency_id=agency_id, details={"key": new.key})
    return obligation


async def set_interval(
    uow: UnitOfWork,
    principal: Principal,
    obligation_id: UUID,
    expected_version: int,
    interval_days: int | None,
    ahead: Ahead,
) -> Obligation:
    """Give an obligation without a numeric cadence the agency's own interval from today, or take it away."""
    obligation = await _load(uow, principal, obligation_id, expected_version, Role.APPROVER, Role.SUPERVISOR)
    before = obligation.interval_days
    obligation.interval_days, obligation.starts_on = interval_days, uow.today
    check_schedule(obligation.schedule)
    await _drop_open_instances(uow, obligation)
    obligation.generated_through = None
    _touch(uow, obligation)
    await generate(uow, obligation, ahead)
    details = {"before": before, "after": interval_days}
    uow.audit("obligation.interval_set", subject=obligation.id, agency_id=obligation.agency_id, details=details)
    return obligation


async def record_event(
    uow: UnitOfWork,
    principal: Principal,
    obligation_id: UUID,
    expected_version: int,
    happened_on: date,
    ahead: Ahead,
) -> tuple[Obligation, Instance]:
    """The event happened: its instance is due within the source's limit, else within 条例第二十六条's."""
    obligation = await _load(uow, principal, obligation_id, expected_version, Role.CLERK, Role.SUPERVISOR)
    if obligation.cadence != Cadence.TRIGGERED.value:
        raise NotTriggered
    if happened_on > uow.today:
        raise EventInFuture
    same = select(Instance.id).where(Instance.obligation_id == obligation_id, Instance.triggered_on == happened_on)
    if (await uow.session.execute(same)).first():
        raise EventRecorded
    calendar = await calendars.current(uow.session, obligation.agency_id)
    limit = await event_limit(uow, obligation, happened_on, calendar)
    instance = Instance(
        id=uuid7(),
        agency_id=obligation.agency_id,
        obligation_id=obligation.id,
        version=1,
        state=InstanceState.OPEN.value,
        period_start=happened_on,
        triggered_on=happened_on,
        created_at=uow.now,
    )
    take_limit(uow, instance, limit, calendar, ahead)
    uow.session.add(instance)
    await uow.session.flush()
    _touch(uow, obligation)
    details = {"instance_id": instance.id, "happened_on": happened_on, "due_on": limit.due_on}
    uow.audit("obligation.event_recorded", subject=obligation.id, agency_id=obligation.agency_id, details=details)
    return obligation, instance


async def fulfil_instance(
    uow: UnitOfWork, principal: Principal, instance_id: UUID, expected_version: int, document_id: UUID
) -> Instance:
    """Link the published document that fulfils this instance. Locks as a withdrawal does: the document first."""
    document = await uow.session.get(Document, document_id, with_for_update={"read": True})
    if document is None:
        raise NotFound("没有所关联的公文。")
    instance = await uow.session.get(Instance, instance_id, with_for_update=True)
    if instance is None:
        raise NotFound("没有这期公开任务。")
    await require(uow.session, principal, (Role.CLERK, Role.SUPERVISOR), instance.agency_id)
    if instance.version != expected_version:
        raise VersionMismatch(current_version=instance.version)
    public = document.state == DocumentState.PUBLISHED.value
    check_fulfilment(instance.current, instance.period_start, document.published_on if public else None)
    instance.state, instance.document_id = InstanceState.FULFILLED.value, document_id
    instance.fulfilled_on = document.published_on
    instance.version += 1
    uow.cancel(instance.id, DUE_SOON, OVERDUE)
    await _tell_fulfilled(uow, instance, document_id)
    return instance


async def _tell_fulfilled(uow: UnitOfWork, instance: Instance, document_id: UUID) -> None:
    obligation = await uow.session.get_one(Obligation, instance.obligation_id)
    agency = await agencies.get(uow.session, instance.agency_id)
    event = ObligationFulfilled(
        obligation_id=obligation.id,
        instance_id=instance.id,
        title=obligation.title,
        agency_name=agency.name,
        due_on=instance.due_on,
        citation=instance.citation,
        document_id=document_id,
    )
    uow.emit(event, subject=instance.id, agency_id=instance.agency_id)
    details = {"document_id": document_id, "fulfilled_on": instance.fulfilled_on}
    uow.audit("obligation.fulfilled", subject=instance.id, agency_id=instance.agency_id, details=details)


async def _drop_open_instances(uow: UnitOfWork, obligation: Obligation) -> None:
    """Instances of the old interval that are not due yet go; overdue and fulfilled ones and events stay."""
    dropped = delete(Instance).where(
        Instance.obligation_id == obligation.id,
        Instance.state == InstanceState.OPEN.value,
        Instance.triggered_on.is_(None),
        Instance.due_on >= uow.today,
    )
    for instance_id in (await uow.session.execute(dropped.returning(Instance.id))).scalars():
        uow.cancel(instance_id)


async def _load(
    uow: UnitOfWork, principal: Principal, obligation_id: UUID, expected_version: int, *roles: Role
) -> Obligation:
    obligation = await uow.session.get(Obligation, obligation_id, with_for_update=True)
    if obligation is None:
        raise NotFound("没有这项公开义务。")
    await require(uow.session, principal, roles, obligation.agency_id)
    if obligation.version != expected_version:
        raise VersionMismatch(current_version=obligation.version)
    return obligation


def _touch(uow: UnitOfWork, obligation: Obligation) -> None:
    obligation.version, obligation.updated_at = obligation.version + 1, uow.now
