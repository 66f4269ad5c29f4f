"""Reads of deliveries: lists for operators, gauges for the dashboard."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from services.notify.deliveries.models import Delivery
from services.notify.deliveries.rules import Channel, State
from shared.auth import Principal, Role
from shared.auth.scope import require, visible
from shared.db.clock import read_now
from shared.db.pages import Page, page
from shared.db.sessions import AnySession, ReadSession
from shared.errors import NotFound

READERS = tuple(Role)


@dataclass(frozen=True)
class Filter:
    """What a list shows. `open_tasks`: failures that nobody has settled."""

    state: State | None = None
    channel: Channel | None = None
    about: UUID | None = None
    agency_id: UUID | None = None
    open_tasks: bool = False


async def listing(
    session: AnySession, principal: Principal, wanted: Filter, *, cursor: str | None, limit: int
) -> Page[Delivery]:
    """Return a page of the deliveries of the principal's agencies, the newest first."""
    query = select(Delivery).where(Delivery.agency_id.in_(await visible(session, principal, READERS)))
    if wanted.state is not None:
        query = query.where(Delivery.state == wanted.state)
    if wanted.channel is not None:
        query = query.where(Delivery.channel == wanted.channel)
    if wanted.about is not None:
        query = query.where(Delivery.about == wanted.about)
    if wanted.agency_id is not None:
        query = query.where(Delivery.agency_id == wanted.agency_id)
    if wanted.open_tasks:
        query = query.where(Delivery.state == State.FAILED, Delivery.settled_at.is_(None))
    return await page(session, query, [(Delivery.id, UUID)], cursor=cursor, limit=limit, descending=True)


async def one(session: AnySession, principal: Principal, delivery_id: UUID) -> Delivery:
    """Return a delivery; raises NotFound or Forbidden."""
    row = await session.get(Delivery, delivery_id)
    if row is None:
        raise NotFound("没有这条通知。")
    await require(session, principal, READERS, row.agency_id)
    return row


async def count_pending(session: ReadSession) -> float:
    """Gauge: mails that wait or are being sent."""
    return await _count(session, State.PENDING, State.SENDING)


async def count_unknown(session: ReadSession) -> float:
    """Gauge: mails of which nobody knows whether they were taken."""
    return await _count(session, State.UNKNOWN)


async def count_failed(session: ReadSession) -> float:
    """Gauge: failures that wait for a person."""
    query = select(func.count()).where(Delivery.state == State.FAILED, Delivery.settled_at.is_(None))
    return float((await session.execute(query)).scalar_one())


async def oldest_pending_seconds(session: ReadSession) -> float:
    """Gauge: how long the oldest unsent mail has waited."""
    query = select(func.min(Delivery.created_at)).where(Delivery.state.in_([State.PENDING, State.UNKNOWN]))
    oldest = (await session.execute(query)).scalar()
    return max((await read_now(session) - oldest).total_seconds(), 0.0) if oldest is not None else 0.0


async def _count(session: ReadSession, *states: State) -> float:
    query = select(func.count()).where(Delivery.state.in_(states))
    return float((await session.execute(query)).scalar_one())
