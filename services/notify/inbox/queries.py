"""Reads of 站内信: everybody sees their own only."""

from uuid import UUID

from sqlalchemy import func, select

from services.notify.deliveries.models import Delivery
from services.notify.deliveries.rules import Channel
from shared.auth import Principal
from shared.db.pages import Page, page
from shared.db.sessions import AnySession


async def listing(
    session: AnySession, principal: Principal, *, unread: bool, cursor: str | None, limit: int
) -> Page[Delivery]:
    """Return a page of the caller's messages, the newest first."""
    query = select(Delivery).where(Delivery.channel == Channel.INBOX, Delivery.inbox_subject == principal.subject)
    if unread:
        query = query.where(Delivery.read_at.is_(None))
    return await page(session, query, [(Delivery.id, UUID)], cursor=cursor, limit=limit, descending=True)


async def count_unread(session: AnySession, principal: Principal) -> int:
    """Return how many messages the caller has not read."""
    query = select(func.count()).where(
        Delivery.channel == Channel.INBOX, Delivery.inbox_subject == principal.subject, Delivery.read_at.is_(None)
    )
    return int((await session.execute(query)).scalar_one())
