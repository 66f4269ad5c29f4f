"""Routes of cases: filing and registering, the staff's lists, and the general steps."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.requests.applications import commands, queries
from services.requests.applications.answers import AtDesk, answer, desk_at
from services.requests.applications.personal import Personal
from services.requests.applications.queries import Bucket, Filter, Sort
from services.requests.applications.rules import (
    AgencyInactive,
    AlreadySignedFor,
    CaseClosed,
    DateBeforeLaw,
    DateBeforeReceipt,
    DateInFuture,
    HandlingHasBegun,
    NotSignedFor,
    ReceiptAlreadyKnown,
)
from services.requests.applications.schemas import (
    STATE_LABELS,
    ApplicationInput,
    CaseBody,
    CaseSummary,
    ConfirmationInput,
    PersonalBody,
    PersonalDataInput,
    ReasonInput,
    ReceiptBody,
    RegistrationInput,
    RegulationInput,
    WithdrawalInput,
    case_body,
    case_summary,
    personal_body,
)
from services.requests.applications.timeline import Timeline, timeline
from services.requests.desk import Desk
from shared.auth import Staff
from shared.db.uow import audit_trail
from shared.events.requests import ApplicationState
from shared.http.bodies import Day
from shared.http.etags import IfMatch, etag, set_etag
from shared.http.idempotency import Beside, Idempotency, Key, Keyed
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import responses
from shared.http.sessions import Read, Write
from shared.telemetry.redaction import redact_text

filing = APIRouter(tags=["申请的提交与登记"])
router = APIRouter(prefix="/applications", tags=["申请的办理"])

CLOSED = (CaseClosed, NotSignedFor)
DATES = (DateInFuture, DateBeforeReceipt)


async def _receipt(desk: Desk, once: Idempotency, receipted: commands.Receipted) -> Response:
    row = receipted.row
    state = ApplicationState(row.state)
    body = ReceiptBody(
        id=row.id,
        receipt_number=row.receipt_number,
        code=receipted.code,
        agency_name=receipted.agency_name,
        state=state,
        state_label=STATE_LABELS[state],
        registered_at=row.registered_at,
        received_on=row.received_on,
        due_on=row.due_on,
        provisional=row.provisional,
        unconfirmed=row.unconfirmed,
        version=row.version,
        status_url=f"{desk.settings.base_url}/status",
    )
    headers = {"ETag": etag(row.version), "Location": f"/api/requests/v1/applications/{row.id}"}
    return await once.answer(201, body, headers)


async def _filed(key: Key, agency_id: UUID, file: Callable[[Desk, Idempotency], Awaitable[Response]]) -> Response:
    desk = desk_at(key.request)  # a dependency of its own would cost every filing
    async with desk.intake.of(agency_id):
        return await key.once(Beside(commands.PLACE_AND_LAST_SERIAL, (agency_id,)), lambda once: file(desk, once))


@filing.post(
    "/applications",
    status_code=201,
    response_model=ReceiptBody,
    summary="网上提交申请",
    openapi_extra=PUBLIC,
    responses=responses(409, examples={409: (AgencyInactive,)}),
)
async def submit_application(body: ApplicationInput, key: Keyed) -> Response:
    """File an application online. The receipt number and the code are the applicant's only way to follow it."""

    async def submit(desk: Desk, once: Idempotency) -> Response:
        return await _receipt(desk, once, await commands.submit(once.uow, desk, body.command()))

    return await _filed(key, body.agency_id, submit)


@filing.post(
    "/registrations",
    status_code=201,
    response_model=ReceiptBody,
    summary="登记以其他渠道收到的申请",
    responses=responses(409, 422, examples={409: (AgencyInactive,), 422: (DateInFuture, DateBeforeLaw)}),
)
async def register_application(body: RegistrationInput, principal: Staff, key: Keyed) -> Response:
    """Register what came over the counter or by letter, mail or fax (clerk), with its true day of arrival."""

    async def register(desk: Desk, once: Idempotency) -> Response:
        command = body.command()
        receipted = await commands.register(once.uow, desk, principal, command, body.channel, body.delivered_on)
        return await _receipt(desk, once, receipted)

    return await _filed(key, body.agency_id, register)


@router.get("", summary="申请列表")
async def list_applications(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    desk: AtDesk,
    params: PageParams,
    state: Annotated[ApplicationState | None, Query(description="办理状态")] = None,
    bucket: Annotated[Bucket | None, Query(description="即将逾期、逾期未办、逾期已办")] = None,
    due_before: Annotated[Day | None, Query(description="期限早于此日的在办申请")] = None,
    agency_id: Annotated[UUID | None, Query(description="受理机关")] = None,
    receipt_number: Annotated[str | None, Query(pattern=r"^[^\x00-\x1f]{1,100}$", description="受理编号")] = None,
    sort: Annotated[
        Sort, Query(description="次序：registered_at 新登记的在前；due_on 有期限的在办申请，先届满的在前")
    ] = Sort.REGISTERED_AT,
) -> PageBody[CaseSummary]:
    """List the cases of the caller's agencies: the newest first, or what falls due first."""
    wanted = Filter(state, bucket, due_before, agency_id, receipt_number)
    page = await queries.listing(session, principal, wanted, sort=sort, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, lambda line: case_summary(line, desk))


@router.get("/{application_id}", summary="申请详情")
async def get_application(
    application_id: UUID, principal: Staff, session: Read, desk: AtDesk, response: Response
) -> CaseBody:
    """Show a case, dated as of today; personal data is masked."""
    view = await queries.view(session, principal, desk, application_id)
    set_etag(response, view.row.version)
    return case_body(view, desk)


@router.get("/{application_id}/timeline", summary="办理轨迹")
async def get_application_timeline(application_id: UUID, principal: Staff, session: Read) -> Timeline:
    """Show what happened on which day, and who recorded, read or decided it."""
    row = await queries.visible_row(session, principal, application_id)
    return timeline(await queries.entries_of(session, row.id), await audit_trail(session, row.id))


@router.post("/{application_id}/personal-data", summary="查阅申请人信息")
async def read_personal_data(
    application_id: UUID, body: PersonalDataInput, principal: Staff, uow: Write, desk: AtDesk
) -> PersonalBody:
    """Show the applicant's data unmasked to those who handle the case; who read it, and why, is audited."""
    row = await commands.open_personal_data(uow, principal, application_id, redact_text(body.reason))
    return personal_body(Personal.open(desk.vault, row.personal_sealed))


@router.post(
    "/{application_id}/sign-for",
    summary="签收",
    responses=responses(409, examples={409: (AlreadySignedFor, CaseClosed)}),
)
async def sign_for_application(
    application_id: UUID, version: IfMatch, principal: Staff, uow: Write, desk: AtDesk, response: Response
) -> CaseBody:
    """Take the case for handling (clerk)."""
    return await answer(uow, await commands.sign_for(uow, desk, principal, application_id, version), response)


@router.post(
    "/{application_id}/return",
    summary="退回",
    responses=responses(409, examples={409: (HandlingHasBegun, *CLOSED)}),
)
async def return_application(
    application_id: UUID,
    body: ReasonInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Give a case back to the registry with a reason, before work on it has begun (clerk)."""
    case = await commands.return_to_registry(uow, desk, principal, application_id, version, body.reason)
    return await answer(uow, case, response)


@router.post(
    "/{application_id}/confirmation",
    summary="记录双方确认",
    responses=responses(409, 422, examples={409: (ReceiptAlreadyKnown, *CLOSED), 422: DATES}),
)
async def confirm_application(
    application_id: UUID,
    body: ConfirmationInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record when, how and with whom receipt was confirmed (clerk): the clock runs from that day (Art. 31)."""
    case = await commands.confirm_receipt(
        uow, desk, principal, application_id, version, on=body.on, how=body.how, with_whom=body.with_whom
    )
    return await answer(uow, case, response)


@router.post("/{application_id}/regulation", summary="另定适用的条例", responses=responses(409, examples={409: CLOSED}))
async def choose_regulation(
    application_id: UUID,
    body: RegulationInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Decide with a reason which text of the Regulation applies (approver)."""
    case = await commands.choose_regulation(uow, desk, principal, application_id, version, body.regulation, body.reason)
    return await answer(uow, case, response)


@router.post(
    "/{application_id}/withdrawal",
    summary="记录撤回",
    responses=responses(409, 422, examples={409: (CaseClosed,), 422: DATES}),
)
async def withdraw_application(
    application_id: UUID,
    body: WithdrawalInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    desk: AtDesk,
    response: Response,
) -> CaseBody:
    """Record that the applicant withdrew (clerk); the case is closed."""
    case = await commands.withdraw(uow, desk, principal, application_id, version, on=body.on, reason=body.reason)
    return await answer(uow, case, response)
