"""The agency tree as each service knows it, replicated from the catalog's compacted topic."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Uuid, any_, bindparam, select

from shared.db.sessions import AnySession
from shared.db.uow import UnitOfWork
from shared.errors import Category, DomainError
from shared.events import Envelope
from shared.events.catalog import AgencyUpserted
from shared.replicas.tables import agency_replica

# Built once: they run at nearly every request.
ONE = select(agency_replica).where(agency_replica.c.id == bindparam("id", type_=Uuid))
NAMES = select(agency_replica.c.id, agency_replica.c.name).where(
    agency_replica.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))
)
STATE = [column.name for column in agency_replica.c if not column.primary_key]
REPLACED = f"ON CONFLICT (id) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in STATE)}"


class ReplicaNotReady(DomainError):
    """The agency is not replicated here yet: try again in a moment."""

    code = "replica_not_ready"
    title = "机构数据尚未同步，请稍后重试"
    category = Category.UNAVAILABLE


async def find(session: AnySession, agency_id: UUID) -> Row[Any] | None:
    """Return the agency's row, or None."""
    return (await session.execute(ONE, {"id": agency_id})).first()


async def get(session: AnySession, agency_id: UUID) -> Row[Any]:
    """Return the agency's row (id, code, name, parent_id, level, locality, active); raises ReplicaNotReady."""
    agency = await find(session, agency_id)
    if agency is None:
        raise not_ready(agency_id)
    return agency


def not_ready(agency_id: UUID) -> ReplicaNotReady:
    """Return the refusal of a command that needs an agency we have not heard of."""
    return ReplicaNotReady(f"机构 {agency_id} 尚未同步到本服务；若编号有误，请核对后重试。")


async def names(session: AnySession, ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of many agencies in one statement."""
    return {row.id: row.name for row in await session.execute(NAMES, {"ids": list(set(ids))})}


async def upsert(uow: UnitOfWork, states: Mapping[UUID, AgencyUpserted]) -> None:
    """Write the full state of agencies; the catalog calls this in the transaction that changes the agency itself."""
    rows = [{"id": agency_id, **state.model_dump()} for agency_id, state in states.items()]
    uow.insert(agency_replica, *rows, conflict=REPLACED)
    await uow.flush()


async def on_agencies_upserted(uow: UnitOfWork, envelopes: Sequence[Envelope[AgencyUpserted]]) -> None:
    """Consumer of `agency.upserted.v1`, many together: a service that starts empty reads the whole tree."""
    await upsert(uow, {envelope.subject: envelope.data for envelope in envelopes})
