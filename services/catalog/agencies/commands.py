"""Commands on agencies. Each change goes to the local replica and, as a full state, to the other services."""

from uuid import UUID

from sqlalchemy import select

from services.catalog.agencies import queries
from services.catalog.agencies.models import Agency
from services.catalog.agencies.rules import AgencyCodeTaken, AgencyData, check_code, check_parent
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.events.catalog import AgencyUpserted
from shared.replicas import agencies as replica


async def create_agency(uow: UnitOfWork, principal: Principal, code: str, data: AgencyData) -> Agency:
    """Add an agency below one the caller administers; a new root needs an administrator of a root."""
    if data.parent_id is None:
        await queries.require_root_admin(uow.session, principal)
    else:
        await require(uow.session, principal, (Role.ADMIN,), data.parent_id)
    return await add_agency(uow, uuid7(), code, data)


async def add_agency(uow: UnitOfWork, agency_id: UUID, code: str, data: AgencyData) -> Agency:
    """Write a new agency; sample data calls this without a person."""
    check_code(code)
    if (await uow.session.execute(select(Agency.id).where(Agency.code == code))).first():
        raise AgencyCodeTaken
    await _check_parent(uow, agency_id, data.parent_id)
    agency = Agency(id=agency_id, agency_id=agency_id, version=1, code=code, created_at=uow.now, updated_at=uow.now)
    agency.apply(data)
    uow.session.add(agency)
    await uow.session.flush()
    await _tell(uow, agency, "agency.created")
    return agency


async def change_agency(
    uow: UnitOfWork, principal: Principal, agency_id: UUID, data: AgencyData, expected_version: int
) -> Agency:
    """Change an agency; moving it needs administration of the new superior as well."""
    agency = await uow.session.get(Agency, agency_id, with_for_update=True)
    if agency is None:
        raise NotFound("没有这个行政机关。")
    await require(uow.session, principal, (Role.ADMIN,), agency_id)
    if agency.version != expected_version:
        raise VersionMismatch(current_version=agency.version)
    if data.parent_id != agency.parent_id:
        if data.parent_id is None:
            await queries.require_root_admin(uow.session, principal)
        else:
            await require(uow.session, principal, (Role.ADMIN,), data.parent_id)
        await _check_parent(uow, agency_id, data.parent_id)
    agency.apply(data)
    agency.version, agency.updated_at = agency.version + 1, uow.now
    await _tell(uow, agency, "agency.changed")
    return agency


async def _check_parent(uow: UnitOfWork, agency_id: UUID, parent_id: UUID | None) -> None:
    if parent_id is None:
        return
    parent, *above = await queries.lineage(uow.session, parent_id) or (None,)
    if parent is None:
        raise NotFound("没有所填的上级机关。")
    check_parent(agency_id, parent_id, [a.id for a in above if a is not None], parent_active=parent.active)


async def republish(uow: UnitOfWork) -> None:
    """Tell the state of every agency once more. Each row is locked, so that it is not told behind a newer one."""
    for agency in await uow.session.scalars(select(Agency).order_by(Agency.id).with_for_update()):
        uow.emit(_state(agency), subject=agency.id, agency_id=agency.id)


def _state(agency: Agency) -> AgencyUpserted:
    return AgencyUpserted(
        code=agency.code,
        name=agency.name,
        parent_id=agency.parent_id,
        level=agency.level,
        active=agency.active,
        locality=agency.locality,
    )


async def _tell(uow: UnitOfWork, agency: Agency, action: str) -> None:
    event = _state(agency)
    await replica.upsert(uow, {agency.id: event})
    uow.emit(event, subject=agency.id, agency_id=agency.id)
    uow.audit(action, subject=agency.id, agency_id=agency.id, details={"version": agency.version, "name": agency.name})
