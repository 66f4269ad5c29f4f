"""Routes that change documents: each parses, calls one command and answers with the document and its new `ETag`."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.catalog.documents import changes, commands, queries
from services.catalog.documents.api import settings_of
from services.catalog.documents.errors import (
    AttributeUndecided,
    CorrectionDecided,
    CorrectionPending,
    DateImplausible,
    DocumentNumberTaken,
    NotEditable,
    NotPubliclyDisclosable,
    ReasonMissing,
    ReturnReasonUnfounded,
    ReviewIncomplete,
    ReviewNoteMissing,
    WrongState,
)
from services.catalog.documents.models import Document
from services.catalog.documents.schemas import (
    ContentInput,
    CorrectionInput,
    DraftInput,
    NoteInput,
    ReturnInput,
    ReviewInput,
    SignOffInput,
    WithdrawalInput,
    WorkBody,
)
from services.catalog.documents.views import work_body
from shared.auth import Staff
from shared.db.uow import UnitOfWork
from shared.http.etags import IfMatch, etag, set_etag
from shared.http.idempotency import Idempotent
from shared.http.problems import responses
from shared.http.sessions import Write

router = APIRouter(prefix="/documents", tags=["公文办理"])


async def _answer(uow: UnitOfWork, document: Document, response: Response) -> WorkBody:
    await uow.flush()
    set_etag(response, document.version)
    return work_body(await queries.work_view_of(uow.session, document))


@router.post(
    "",
    status_code=201,
    response_model=WorkBody,
    summary="拟稿",
    responses=responses(404, 409, examples={409: (DocumentNumberTaken,)}),
)
async def draft_document(body: DraftInput, principal: Staff, once: Idempotent) -> Response:
    """Draft a document (clerk) with its disclosure attribute and, when not public, the reason."""
    document = await commands.draft_document(once.uow, principal, body.agency_id, body.content())
    await once.uow.flush()
    shown = work_body(await queries.work_view_of(once.uow.session, document))
    headers = {"ETag": etag(document.version), "Location": f"/api/catalog/v1/workbench/documents/{document.id}"}
    return await once.answer(201, shown, headers)


@router.put(
    "/{document_id}",
    summary="修改草稿",
    responses=responses(409, examples={409: (NotEditable, DocumentNumberTaken)}),
)
async def edit_document(
    document_id: UUID, body: ContentInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> WorkBody:
    """Replace the text of a draft or of a returned document (clerk)."""
    document = await commands.edit_document(uow, principal, document_id, version, body.content())
    return await _answer(uow, document, response)


@router.post("/{document_id}/submission", summary="送审", responses=responses(409, examples={409: (NotEditable,)}))
async def submit_document(
    document_id: UUID, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> WorkBody:
    """Send a draft to review (clerk)."""
    document = await commands.submit_document(uow, principal, document_id, version)
    return await _answer(uow, document, response)


@router.post(
    "/{document_id}/return",
    summary="退文",
    responses=responses(409, examples={409: (WrongState, ReturnReasonUnfounded)}),
)
async def return_document(
    document_id: UUID, body: ReturnInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> WorkBody:
    """Return a draft without attribute or without reason (reviewer or approver; 国办发〔2016〕80号)."""
    document = await commands.return_document(uow, principal, document_id, version, body.reason, body.note)
    return await _answer(uow, document, response)


@router.post(
    "/{document_id}/review",
    summary="保密审查",
    responses=responses(
        409,
        422,
        examples={409: (WrongState, AttributeUndecided, ReasonMissing), 422: (ReviewIncomplete, ReviewNoteMissing)},
    ),
)
async def review_document(
    document_id: UUID, body: ReviewInput, version: IfMatch, principal: Staff, uow: Write, response: Response
) -> WorkBody:
    """Review item by item (reviewer, not the drafter); a concern returns what was to be published."""
    document = await commands.review_document(uow, principal, document_id, version, body.verdicts())
    return await _answer(uow, document, response)


@router.post(
    "/{document_id}/sign-off",
    summary="签发",
    responses=responses(409, 422, examples={409: (WrongState,), 422: (DateImplausible,)}),
)
async def sign_off_document(
    document_id: UUID,
    body: SignOffInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    uow: Write,
    response: Response,
) -> WorkBody:
    """Sign off (approver, not the drafter): the document is formed and the limit for publication runs."""
    document = await commands.sign_off_document(
        uow,
        principal,
        document_id,
        version,
        formed_on=body.formed_on,
        printed_on=body.printed_on,
        publishing=settings_of(request).publishing,
    )
    return await _answer(uow, document, response)


@router.post(
    "/{document_id}/publication",
    summary="发布",
    responses=responses(409, examples={409: (WrongState, NotPubliclyDisclosable)}),
)
async def publish_document(
    document_id: UUID, version: IfMatch, request: Request, principal: Staff, uow: Write, response: Response
) -> WorkBody:
    """Publish a signed, proactive document (clerk or approver): it gets its 索引号 and enters search and feed."""
    publishing = settings_of(request).publishing
    document = await commands.publish_document(uow, principal, document_id, version, publishing)
    return await _answer(uow, document, response)


@router.post(
    "/{document_id}/corrections",
    status_code=201,
    response_model=WorkBody,
    summary="提出更正",
    responses=responses(409, examples={409: (WrongState, CorrectionPending)}),
)
async def propose_correction(
    document_id: UUID,
    body: CorrectionInput,
    version: IfMatch,
    principal: Staff,
    once: Idempotent,
) -> Response:
    """Propose a new text for a public document (clerk); it changes nothing until another person approves it."""
    document, _ = await changes.propose_correction(
        once.uow, principal, document_id, version, title=body.title, body=body.body, reason=body.reason
    )
    await once.uow.flush()
    shown = work_body(await queries.work_view_of(once.uow.session, document))
    return await once.answer(201, shown, {"ETag": etag(document.version)})


@router.post(
    "/{document_id}/corrections/{correction_id}/approval",
    summary="审查并发布更正",
    responses=responses(
        409,
        422,
        examples={
            409: (WrongState, CorrectionDecided, NotPubliclyDisclosable),
            422: (ReviewIncomplete, ReviewNoteMissing),
        },
    ),
)
async def approve_correction(
    document_id: UUID,
    correction_id: UUID,
    body: ReviewInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    uow: Write,
    response: Response,
) -> WorkBody:
    """Review the correction item by item (reviewer or approver, not its author) and publish it."""
    publishing = settings_of(request).publishing
    document, _ = await changes.approve_correction(
        uow, principal, document_id, correction_id, version, body.verdicts(), publishing
    )
    return await _answer(uow, document, response)


@router.post(
    "/{document_id}/corrections/{correction_id}/refusal",
    summary="驳回更正",
    responses=responses(409, examples={409: (CorrectionDecided,)}),
)
async def refuse_correction(
    document_id: UUID,
    correction_id: UUID,
    body: NoteInput,
    version: IfMatch,
    principal: Staff,
    uow: Write,
    response: Response,
) -> WorkBody:
    """Refuse a correction (reviewer or approver); the public text stays."""
    document, _ = await changes.refuse_correction(uow, principal, document_id, correction_id, version, body.note)
    return await _answer(uow, document, response)


@router.post("/{document_id}/withdrawal", summary="撤回", responses=responses(409, examples={409: (WrongState,)}))
async def withdraw_document(
    document_id: UUID,
    body: WithdrawalInput,
    version: IfMatch,
    request: Request,
    principal: Staff,
    uow: Write,
    response: Response,
) -> WorkBody:
    """Withdraw a public document at once (reviewer or approver); feed and subscribers are told."""
    publishing = settings_of(request).publishing
    document = await changes.withdraw_document(uow, principal, document_id, version, body.reason, publishing)
    return await _answer(uow, document, response)
