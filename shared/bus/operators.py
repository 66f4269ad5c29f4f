"""Who may see and decide what failed: an `admin` at the agency that the event belongs to, or above it.

A timer belongs to no agency, and any admin decides it. An event whose agency cannot be read may be anybody's, so it
is only for who administers the whole tree (every agency that has none above it), and for the command line.
"""

from uuid import UUID

from shared.auth import Forbidden, Principal, Role
from shared.auth.scope import require, visible
from shared.bus.dead_letters import Reach
from shared.db.sessions import AnySession
from shared.replicas.tree import topmost

OPERATORS = (Role.ADMIN,)


async def reach(session: AnySession, principal: Principal) -> Reach:
    """Return what the principal administers. Raises Forbidden where that is nothing."""
    agencies = await visible(session, principal, OPERATORS)
    if not agencies:
        raise Forbidden("此操作需要“管理员”角色。")
    roots = await topmost(session)
    return Reach(agencies, bool(roots) and roots <= agencies)


async def require_operator(session: AnySession, principal: Principal, agency_id: UUID | None) -> None:
    """Let an operator of this agency through, or of the whole tree where nobody knows whose it is. Raises Forbidden."""
    if agency_id is not None:
        await require(session, principal, OPERATORS, agency_id)
    elif not (await reach(session, principal)).whole_tree:
        raise Forbidden("无法确定所属机关，只有最上级机关的管理员可以处理。")
