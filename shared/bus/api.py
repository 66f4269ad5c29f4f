"""What every service serves of its spine: what failed, for an operator, and the document of its events for anyone.

Dead letters are listed, shown, replayed or discarded by who may (`operators.py`); every decision is audited.
"""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from shared.auth import Principal, Staff
from shared.bus import dead_letters
from shared.bus.dead_letters import DeadLetter, DeadLetterDecided, TimerSetAnew
from shared.bus.operators import reach, require_operator
from shared.bus.standing_api import Discarding
from shared.bus.standing_api import router as parked_keys
from shared.db.sessions import AnySession
from shared.events.asyncapi import document
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write

documents = APIRouter()
letters = APIRouter(prefix="/dead-letters", tags=["运维：死信"])
DECIDED = responses(409, examples={409: (DeadLetterDecided,)})
REFUSED = responses(409, examples={409: (DeadLetterDecided, TimerSetAnew)})


class DeadLetterBody(BaseModel):
    """An event, timer or outbox row that was tried to the end."""

    id: UUID
    kind: str = Field(examples=["event"], description="event 事件 / timer 定时 / outbox 待发")
    agency_id: UUID | None
    topic: str | None = Field(examples=["lantai.requests.applications"])
    key: str
    event_id: UUID | None
    headers: dict[str, Any]
    body: str
    attempts: int
    error: str
    died_at: datetime
    decided_at: datetime | None
    decision: str | None = Field(examples=["replayed"])
    decided_by: str | None
    waiting: int = Field(description="后面还有多少事件在等")

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        return cls.model_validate(letter, from_attributes=True)


@letters.get("", summary="死信列表")
async def list_dead_letters(
    request: Request,
    response: Response,
    session: Read,
    principal: Staff,
    params: PageParams,
    decided: Annotated[bool, Query(description="包括已处理的")] = False,
) -> PageBody[DeadLetterBody]:
    """List what waits for a decision at the caller's agencies, oldest first."""
    operator = await reach(session, principal)
    page = await dead_letters.page_of(
        session, operator, undecided_only=not decided, cursor=params.cursor, limit=params.limit
    )
    return paged(request, response, page, DeadLetterBody.of)


@letters.get("/{letter_id}", summary="死信详情")
async def get_dead_letter(letter_id: UUID, session: Read, principal: Staff) -> DeadLetterBody:
    """Show one letter with its payload and error."""
    return DeadLetterBody.of(await _permitted(session, principal, letter_id))


@letters.post("/{letter_id}/replay", summary="重放死信", responses=REFUSED)
async def replay_dead_letter(letter_id: UUID, uow: Write, principal: Staff) -> DeadLetterBody:
    """Try it again where it stood, with fresh attempts; what is parked behind it follows in order."""
    await _permitted(uow.session, principal, letter_id)
    await dead_letters.replay(uow, letter_id)
    return DeadLetterBody.of(await dead_letters.show(uow.session, letter_id))


@letters.post("/{letter_id}/discard", summary="放弃死信", responses=DECIDED)
async def discard_dead_letter(letter_id: UUID, body: Discarding, uow: Write, principal: Staff) -> DeadLetterBody:
    """Give it up for good; what is parked behind it goes on."""
    await _permitted(uow.session, principal, letter_id)
    await dead_letters.discard(uow, letter_id, body.reason)
    return DeadLetterBody.of(await dead_letters.show(uow.session, letter_id))


async def _permitted(session: AnySession, principal: Principal, letter_id: UUID) -> DeadLetter:
    """Return the letter if the principal may see and decide it. Raises NotFound or Forbidden."""
    await reach(session, principal)
    letter = await dead_letters.show(session, letter_id)
    if letter.kind != dead_letters.TIMER or letter.agency_id is not None:
        await require_operator(session, principal, letter.agency_id)
    return letter


@documents.get("/asyncapi", summary="事件文档（AsyncAPI 3）", tags=["事件"], openapi_extra=PUBLIC)
async def asyncapi(request: Request) -> dict[str, Any]:
    """Describe the topics that this service owns or reads, their events and schemas."""
    return document(request.app.state.deps.db.service)


routers = (documents, letters, parked_keys)
