"""Which agencies a principal's grants reach: a grant covers its agency and everything below it in the tree.

The tree is the local replica of the catalog's agencies; a direct grant needs no look at it.
"""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, any_, bindparam, literal, select

from shared.auth.errors import Forbidden
from shared.auth.people import Principal, Role
from shared.db.sessions import AnySession
from shared.db.spine import agency_replica

MAX_LEVELS = 16  # a damaged tree (a loop) ends here instead of never


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


async def require(session: AnySession, principal: Principal, roles: Iterable[Role], agency_id: UUID) -> None:
    """Let through a principal who holds one of `roles` at `agency_id` or above it; raises Forbidden."""
    wanted = frozenset(roles)
    granted = _granted(principal, wanted)
    if agency_id in granted:
        return
    require_on(principal, wanted, await ancestors(session, agency_id) if granted else ())


def require_on(principal: Principal, roles: Iterable[Role], line: Collection[UUID]) -> None:
    """Let through a principal who holds one of `roles` at one of these agencies; raises Forbidden."""
    wanted = frozenset(roles)
    if _granted(principal, wanted).isdisjoint(line):
        labels = "、".join(role.label for role in Role if role in wanted)
        raise Forbidden(f"此操作需要本机关或上级机关的“{labels}”角色。")


async def visible(session: AnySession, principal: Principal, roles: Iterable[Role]) -> frozenset[UUID]:
    """Return the agencies where the principal holds one of `roles`: the granted ones and all below them."""
    granted = _granted(principal, frozenset(roles))
    if not granted:
        return frozenset()
    found = await session.execute(BELOW, {"granted": list(granted)})
    return granted | frozenset(found.scalars())


async def ancestors(session: AnySession, agency_id: UUID) -> frozenset[UUID]:
    """Return the agency's superior agencies, without itself."""
    found = await session.execute(ABOVE, {"agency": agency_id})
    return frozenset(found.scalars()) - {None}


def _granted(principal: Principal, roles: frozenset[Role]) -> frozenset[UUID]:
    return frozenset(grant.agency_id for grant in principal.grants if grant.role in roles)
