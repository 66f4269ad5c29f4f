"""Which agencies a principal's grants reach: a grant covers its agency and everything below it in the tree.

The tree is the local replica of the catalog's agencies; a direct grant needs no look at it.
"""

from collections.abc import Collection, Iterable
from uuid import UUID

from shared.auth.errors import Forbidden
from shared.auth.people import Principal, Role
from shared.db.sessions import AnySession
from shared.replicas.tree import ancestors, with_below


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
    return await with_below(session, granted) if granted else granted


def _granted(principal: Principal, roles: frozenset[Role]) -> frozenset[UUID]:
    return frozenset(grant.agency_id for grant in principal.grants if grant.role in roles)
