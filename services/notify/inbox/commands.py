"""Reading 站内信."""

from uuid import UUID

from services.notify.deliveries.models import Delivery
from services.notify.deliveries.rules import Channel
from shared.auth import Principal
from shared.db.uow import UnitOfWork
from shared.errors import NotFound


async def mark_read(uow: UnitOfWork, principal: Principal, message_id: UUID) -> Delivery:
    """Mark one of the caller's messages as read; the first time counts, and others' messages do not exist."""
    message = await uow.session.get(Delivery, message_id, with_for_update=True)
    if message is None or message.channel != Channel.INBOX or message.inbox_subject != principal.subject:
        raise NotFound("没有这条站内信。")
    if message.read_at is None:
        message.read_at = uow.now
        message.version += 1
    return message
