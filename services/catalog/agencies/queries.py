"""Reads of the agency tree. Anybody may read it: which agencies there are is public (条例第二十条第二项)."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import literal, select

from services.catalog.agencies.models import Agency
from services.catalog.agencies.rules import AgencyLevel
from shared.auth import Principal, Role
from shared.auth.errors import Forbidden
from shared.db.pages import Page, page
from shared.db.sessions import AnySession
from shared.errors import NotFound

MAX_LEVELS = 16  # a damaged tree (a loop) ends here instead of never


async def get(session: AnySession, agency_id: UUID) -> Agency:
    """Return the agency; raises NotFound."""
    agency = await session.get(Agency, agency_id)
    if agency is None:
        raise NotFound("没有这个行政机关。")
    return agency


async def listing(
    session: AnySession,
    *,
    parent_id: UUID | None = None,
    level: AgencyLevel | None = None,
    active: bool | None = None,
    code: str | None = None,
    name: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Agency]:
    """Return a page of agencies in the order of their codes."""
    statement = select(Agency)
    if parent_id is not None:
        statement = statement.where(Agency.parent_id == parent_id)
    if level is not None:
        statement = statement.where(Agency.level == level.value)
    if active is not None:
        statement = statement.where(Agency.active == active)
    if code is not None:
        statement = statement.where(Agency.code == code)
    if name is not None:
        statement = statement.where(Agency.name.icontains(name.strip(), autoescape=True))
    return await page(session, statement, [(Agency.code, str)], cursor=cursor, limit=limit)


async def lineage(session: AnySession, agency_id: UUID) -> Sequence[Agency]:
    """Return the agency and its superiors, nearest first."""
    return (await lineages(session, [agency_id])).get(agency_id, [])


async def lineages(session: AnySession, ids: Collection[UUID]) -> dict[UUID, list[Agency]]:
    """Return each agency with its superiors, nearest first."""
    start = Agency.id.label("start")
    path = select(start, Agency.id, Agency.parent_id, literal(0).label("depth")).where(Agency.id.in_(ids))
    cte = path.cte("lineage", recursive=True)
    above = select(cte.c.start, Agency.id, Agency.parent_id, cte.c.depth + 1).where(
        Agency.id == cte.c.parent_id, cte.c.depth < MAX_LEVELS
    )
    tree = cte.union_all(above)
    found = select(tree.c.start, Agency).join(tree, tree.c.id == Agency.id).order_by(tree.c.depth)
    lines: dict[UUID, list[Agency]] = {}
    for first, agency in await session.execute(found):
        lines.setdefault(first, []).append(agency)
    return lines


async def require_root_admin(session: AnySession, principal: Principal) -> None:
    """Let through an administrator of an agency that has no superior: root agencies and national notices are theirs."""
    granted = {grant.agency_id for grant in principal.grants if grant.role is Role.ADMIN}
    roots = select(Agency.id).where(Agency.id.in_(granted), Agency.parent_id.is_(None)).limit(1)
    if not granted or (await session.execute(roots)).first() is None:
        raise Forbidden("此操作需要最上级机关的“管理员”角色。")
