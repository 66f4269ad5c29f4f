"""The agency tree as it is replicated here: who stands above an agency, and who below.

A damaged tree (a loop) ends after MAX_LEVELS instead of never.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, literal, select

from shared.db.sessions import AnySession
from shared.replicas.tables import agency_replica

MAX_LEVELS = 16


def _below() -> Select[Any]:
    agency = agency_replica.c
    granted = bindparam("granted", type_=ARRAY(Uuid))
    tree = select(agency.id, literal(0).label("depth")).where(agency.id == any_(granted)).cte("tree", recursive=True)
    below = select(agency.id, tree.c.depth + 1).where(agency.parent_id == tree.c.id, tree.c.depth < MAX_LEVELS)
    return select(tree.union(below).c.id)


def _above() -> Select[Any]:
    agency, start = agency_replica.c, bindparam("agency", type_=Uuid)
    path = select(agency.parent_id, literal(0).label("depth")).where(agency.id == start).cte("path", recursive=True)
    above = select(agency.parent_id, path.c.depth + 1).where(agency.id == path.c.parent_id, path.c.depth < MAX_LEVELS)
    return select(path.union(above).c.parent_id)


BELOW, ABOVE = _below(), _above()  # built once: building one costs more than running it
TOPMOST = select(agency_replica.c.id).where(agency_replica.c.parent_id.is_(None), agency_replica.c.active)


async def ancestors(session: AnySession, agency_id: UUID) -> frozenset[UUID]:
    """Return the agency's superior agencies, without itself."""
    found = await session.execute(ABOVE, {"agency": agency_id})
    return frozenset(found.scalars()) - {None}


async def with_below(session: AnySession, agency_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return these agencies and all below them."""
    found = await session.execute(BELOW, {"granted": list(agency_ids)})
    return frozenset(agency_ids) | frozenset(found.scalars())


async def topmost(session: AnySession) -> frozenset[UUID]:
    """Return the agencies in work that have none above them."""
    return frozenset((await session.execute(TOPMOST)).scalars())
