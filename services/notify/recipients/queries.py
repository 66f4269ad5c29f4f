"""Reads of recipients, and the chain of agencies along which they are looked for."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import literal, select

from services.notify.recipients.models import Recipient
from services.notify.recipients.rules import Candidate, choose
from shared.auth import Principal, Role
from shared.auth.scope import require, visible
from shared.db.pages import Page, page
from shared.db.sessions import AnySession
from shared.errors import NotFound
from shared.replicas.tables import agency_replica
from shared.replicas.tree import MAX_LEVELS

KEEPERS = (Role.ADMIN,)


async def chain(session: AnySession, agency_id: UUID) -> list[UUID]:
    """Return the agency and those above it, the nearest first; an agency not replicated yet stands alone."""
    agency = agency_replica.c
    path = select(agency.id, agency.parent_id, literal(0).label("depth")).where(agency.id == agency_id)
    tree = path.cte("path", recursive=True)
    above = select(agency.id, agency.parent_id, tree.c.depth + 1).where(
        agency.id == tree.c.parent_id, tree.c.depth < MAX_LEVELS
    )
    whole = tree.union_all(above)
    found = (await session.execute(select(whole.c.id).order_by(whole.c.depth))).scalars()
    return list(found) or [agency_id]


async def staff_to_tell(
    session: AnySession, roles: Sequence[str], agencies: Sequence[UUID]
) -> tuple[list[Candidate], list[str]]:
    """Return the people to tell for these roles along the chain, and the roles that nobody holds."""
    query = select(Recipient).where(
        Recipient.active, Recipient.role.in_(list(roles)), Recipient.agency_id.in_(list(agencies))
    )
    rows = (await session.execute(query.order_by(Recipient.id))).scalars()
    known = [Candidate(row.id, row.agency_id, row.role, row.mail_blind, row.subject) for row in rows]
    return choose(roles, known, agencies)


async def listing(
    session: AnySession,
    principal: Principal,
    *,
    agency_id: UUID | None,
    role: str | None,
    cursor: str | None,
    limit: int,
) -> Page[Recipient]:
    """Return a page of the recipients of the principal's agencies."""
    query = select(Recipient).where(Recipient.agency_id.in_(await visible(session, principal, KEEPERS)))
    if agency_id is not None:
        query = query.where(Recipient.agency_id == agency_id)
    if role is not None:
        query = query.where(Recipient.role == role)
    return await page(session, query, [(Recipient.id, UUID)], cursor=cursor, limit=limit)


async def one(session: AnySession, principal: Principal, recipient_id: UUID) -> Recipient:
    """Return a recipient; raises NotFound or Forbidden."""
    row = await session.get(Recipient, recipient_id)
    if row is None:
        raise NotFound("没有这位接收人。")
    await require(session, principal, KEEPERS, row.agency_id)
    return row
