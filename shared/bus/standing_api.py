"""Routes of the keys that stand still: an operator sees them from the first failure on, and need not wait."""

from datetime import datetime
from typing import Self
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from shared.auth import Principal, Staff
from shared.bus import standing
from shared.bus.dead_letters import DeadLetterDecided
from shared.bus.operators import reach, require_operator
from shared.bus.standing import ParkedKeyInHand, StandingKey
from shared.db.sessions import AnySession
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write

router = APIRouter(prefix="/parked-keys", tags=["运维：停住的键"])


class Discarding(BaseModel):
    """Why something is given up; the audit trail keeps it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, description="放弃的理由", examples=["对方系统已停用。"])


class ParkedKeyBody(BaseModel):
    """A key that stands still for one failing event; everything later of the key waits behind it."""

    event_id: UUID
    topic: str = Field(examples=["lantai.requests.applications"])
    key: str
    type: str = Field(examples=["lantai.requests.application.replied.v1"])
    agency_id: UUID | None
    attempts: int = Field(description="已尝试次数")
    error: str
    parked_at: datetime
    retry_at: datetime | None = Field(description="下次重试；空：已成死信，等待处理")
    seconds: float = Field(description="已停多少秒")
    waiting: int = Field(description="后面还有多少事件在等")
    letter_id: UUID | None = Field(description="死信")
    headers: dict[str, str]
    body: str

    @classmethod
    def of(cls, key: StandingKey) -> Self:
        return cls.model_validate(key, from_attributes=True)


@router.get("", summary="停住的键")
async def list_parked_keys(
    request: Request, response: Response, session: Read, principal: Staff, params: PageParams
) -> PageBody[ParkedKeyBody]:
    """List the keys of the caller's agencies that stand still, longest standing first."""
    operator = await reach(session, principal)
    page = await standing.page_of(session, operator, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, ParkedKeyBody.of)


@router.get("/{event_id}", summary="停住的键详情")
async def get_parked_key(event_id: UUID, session: Read, principal: Staff) -> ParkedKeyBody:
    """Show the key that stands still for this event."""
    return ParkedKeyBody.of(await _permitted(session, principal, event_id))


@router.post("/{event_id}/retry", summary="立即重试", responses=responses(409, examples={409: (DeadLetterDecided,)}))
async def retry_parked_key(event_id: UUID, uow: Write, principal: Staff) -> ParkedKeyBody:
    """Try the event again now; a dead letter is replayed, with fresh attempts."""
    await _permitted(uow.session, principal, event_id)
    await standing.retry(uow, event_id)
    return ParkedKeyBody.of(await standing.show(uow.session, event_id))


@router.post(
    "/{event_id}/discard",
    status_code=204,
    summary="放弃事件",
    responses=responses(409, examples={409: (DeadLetterDecided, ParkedKeyInHand)}),
)
async def discard_parked_key(event_id: UUID, body: Discarding, uow: Write, principal: Staff) -> None:
    """Give the event up for good; what waits behind it goes on. Its dead letter keeps what it was."""
    await _permitted(uow.session, principal, event_id)
    await standing.discard(uow, event_id, body.reason)


async def _permitted(session: AnySession, principal: Principal, event_id: UUID) -> StandingKey:
    """Return the key if the principal may see and decide it. Raises NotFound or Forbidden."""
    await reach(session, principal)
    key = await standing.show(session, event_id)
    await require_operator(session, principal, key.agency_id)
    return key
