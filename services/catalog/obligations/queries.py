"""Reads of obligations and their dated instances, for the staff of their agencies."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import func, select

from services.catalog.obligations.models import Instance, Obligation
from services.catalog.obligations.rules import Cadence, InstanceState
from shared.auth import Principal, Role
from shared.auth.scope import require, visible
from shared.db.pages import Page, page
from shared.db.sessions import AnySession, ReadSession
from shared.errors import NotFound
from shared.replicas import agencies

READERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER, Role.SUPERVISOR, Role.ADMIN)


@dataclass(frozen=True)
class ObligationView:
    """An obligation with its agency's name."""

    obligation: Obligation
    agency_name: str


@dataclass(frozen=True)
class InstanceView:
    """A dated instance with the words of its obligation."""

    instance: Instance
    obligation: Obligation
    agency_name: str


async def listing(
    session: AnySession,
    principal: Principal,
    *,
    agency_id: UUID | None,
    cadence: Cadence | None,
    cursor: str | None,
    limit: int,
) -> Page[ObligationView]:
    """Return a page of obligations of the principal's agencies."""
    statement = select(Obligation).where(Obligation.agency_id.in_(await visible(session, principal, READERS)))
    if agency_id is not None:
        statement = statement.where(Obligation.agency_id == agency_id)
    if cadence is not None:
        statement = statement.where(Obligation.cadence == cadence.value)
    found = await page(session, statement, [(Obligation.id, UUID)], cursor=cursor, limit=limit)
    names = await agencies.names(session, [row.agency_id for row in found.items])
    return Page([ObligationView(row, names.get(row.agency_id, "")) for row in found.items], found.next_cursor)


async def get(session: AnySession, principal: Principal, obligation_id: UUID) -> ObligationView:
    """Return an obligation; raises NotFound or Forbidden."""
    obligation = await session.get(Obligation, obligation_id)
    if obligation is None:
        raise NotFound("没有这项公开义务。")
    await require(session, principal, READERS, obligation.agency_id)
    return await view_of(session, obligation)


async def view_of(session: AnySession, obligation: Obligation) -> ObligationView:
    """Return an obligation with its agency's name."""
    names = await agencies.names(session, [obligation.agency_id])
    return ObligationView(obligation, names.get(obligation.agency_id, ""))


async def instances(
    session: AnySession,
    principal: Principal,
    *,
    agency_id: UUID | None = None,
    obligation_id: UUID | None = None,
    state: InstanceState | None = None,
    due_from: date | None = None,
    due_to: date | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[InstanceView]:
    """Return a page of dated instances of the principal's agencies, the earliest due first."""
    statement = select(Instance).where(Instance.agency_id.in_(await visible(session, principal, READERS)))
    conditions = (
        Instance.agency_id == agency_id if agency_id else None,
        Instance.obligation_id == obligation_id if obligation_id else None,
        Instance.state == state.value if state else None,
        Instance.due_on >= due_from if due_from else None,
        Instance.due_on <= due_to if due_to else None,
    )
    statement = statement.where(*(condition for condition in conditions if condition is not None))
    keys = [(Instance.due_on, date), (Instance.id, UUID)]
    found = await page(session, statement, keys, cursor=cursor, limit=limit)
    return Page(await _with_obligations(session, found.items), found.next_cursor)


async def instance_view(session: AnySession, instance: Instance) -> InstanceView:
    """Return an instance with the words of its obligation."""
    return (await _with_obligations(session, [instance]))[0]


async def get_instance(session: AnySession, principal: Principal, instance_id: UUID) -> InstanceView:
    """Return a dated instance; raises NotFound or Forbidden."""
    instance = await session.get(Instance, instance_id)
    if instance is None:
        raise NotFound("没有这期公开任务。")
    await require(session, principal, READERS, instance.agency_id)
    return await instance_view(session, instance)


async def _with_obligations(session: AnySession, rows: list[Instance]) -> list[InstanceView]:
    wanted = select(Obligation).where(Obligation.id.in_({row.obligation_id for row in rows}))
    by_id = {row.id: row for row in (await session.execute(wanted)).scalars()}
    names = await agencies.names(session, [row.agency_id for row in rows])
    return [InstanceView(row, by_id[row.obligation_id], names.get(row.agency_id, "")) for row in rows]


async def count_overdue(session: ReadSession) -> float:
    """Gauge: dated instances whose day has passed."""
    query = select(func.count()).where(Instance.state == InstanceState.OVERDUE.value)
    return float((await session.execute(query)).scalar_one())
