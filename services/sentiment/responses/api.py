"""Routes of responses."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.sentiment.incidents import queries
from services.sentiment.incidents.rules import IncidentIsClosed, TimeInFuture
from services.sentiment.incidents.schemas import IncidentBody, incident_body
from services.sentiment.responses import commands
from services.sentiment.responses.rules import BeforeTheStart, NothingReleasedYet, StepAlreadyDone, StepNotAsked
from services.sentiment.responses.schemas import ResponseInput
from shared.auth import Staff
from shared.http.etags import IfMatch, set_etag
from shared.http.problems import responses
from shared.http.sessions import Write

router = APIRouter(prefix="/incidents", tags=["舆情回应"])


@router.post(
    "/{incident_id}/responses",
    summary="记录回应",
    responses=responses(
        409,
        422,
        examples={
            409: (StepAlreadyDone, StepNotAsked, NothingReleasedYet, IncidentIsClosed),
            422: (TimeInFuture, BeforeTheStart),
        },
    ),
)
async def record_response(
    incident_id: UUID, body: ResponseInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> IncidentBody:
    """Record a response that was given: it does a step at the moment it was given, or continues after one."""
    incident, _ = await commands.record(uow, principal, incident_id, version, body.command())
    await uow.flush()
    set_etag(response, incident.version)
    return incident_body(await queries.view_of(uow.session, incident))
