"""Routes of 站内信. Reading is idempotent, so it takes neither a key nor a version."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.notify.inbox import commands, queries
from services.notify.inbox.schemas import Message, Unread
from shared.auth import Staff
from shared.http.pages import PageBody, PageParams, paged
from shared.http.sessions import Read, Write

router = APIRouter(prefix="/inbox", tags=["站内信"])


@router.get("", summary="我的站内信")
async def list_messages(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    unread: Annotated[bool, Query(description="只看未读")] = False,
) -> PageBody[Message]:
    """List the caller's messages, the newest first."""
    page = await queries.listing(session, principal, unread=unread, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, Message.model_validate)


@router.get("/unread", summary="未读数")
async def count_unread_messages(principal: Staff, session: Read) -> Unread:
    """Count the caller's unread messages."""
    return Unread(unread=await queries.count_unread(session, principal))


@router.post("/{message_id}/reading", summary="标为已读")
async def read_message(message_id: UUID, principal: Staff, uow: Write) -> Message:
    """Mark one of the caller's messages as read."""
    return Message.model_validate(await commands.mark_read(uow, principal, message_id))
