"""Routes of the change feed: JSON with a cursor, Atom, and the receipts of those who took it."""

from email.utils import format_datetime, parsedate_to_datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response

from services.catalog.documents.api import settings_of
from services.catalog.feeds import atom, commands, queries
from services.catalog.feeds.queries import Head
from services.catalog.feeds.rules import ReceiptTaken, ReceiptUrlInvalid
from services.catalog.feeds.schemas import (
    FeedBody,
    ProofBody,
    ReceiptBody,
    ReceiptInput,
    change_body,
    proof_body,
    receipt_body,
)
from shared.auth import Role, Staff
from shared.auth.scope import require
from shared.db.pages import decode_cursor, encode_cursor
from shared.http.idempotency import Idempotent
from shared.http.openapi import PUBLIC
from shared.http.pages import PageParams
from shared.http.problems import responses
from shared.http.sessions import Read

router = APIRouter(tags=["变更目录"])
ATOM_ENTRIES = 100
UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "没有新的变更"}}
ATOM_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/atom+xml": {"schema": {"type": "string"}}}, "description": "Atom"}
}
Agency = Annotated[UUID | None, Query(description="只看某一机关")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", description="上次的 ETag")]
IfModifiedSince = Annotated[str | None, Header(alias="If-Modified-Since", description="上次的 Last-Modified")]


@router.head("/feed", include_in_schema=False)
@router.get("/feed", summary="变更目录（JSON）", openapi_extra=PUBLIC, responses=UNCHANGED, response_model=FeedBody)
async def read_feed(
    request: Request,
    session: Read,
    params: PageParams,
    agency_id: Agency = None,
    if_none_match: IfNoneMatch = None,
    if_modified_since: IfModifiedSince = None,
) -> Response:
    """Give the changes after a cursor, in an order in which none can be missed; without a cursor, from the start.

    HEAD answers as GET does, without the body.
    """
    after = decode_cursor(params.cursor, (int,))[0] if params.cursor else 0
    head = await queries.head(session, agency_id)
    headers = _validators(head, f"{after}-{params.limit}-{agency_id or 'all'}")
    if _unchanged(headers, if_none_match, if_modified_since):
        return Response(status_code=304, headers=headers)
    views, more = await queries.changes(session, after=after, limit=params.limit, agency_id=agency_id)
    publishing = settings_of(request).publishing
    body = FeedBody(
        items=[change_body(view, publishing) for view in views],
        next_cursor=encode_cursor([views[-1].entry.sequence if views else after]),
        has_more=more,
    )
    return _answer(request, body.model_dump_json().encode(), headers, "application/json")


@router.head("/feed.atom", include_in_schema=False)
@router.get(
    "/feed.atom",
    summary="变更目录（Atom）",
    openapi_extra=PUBLIC,
    response_class=Response,
    responses=UNCHANGED | ATOM_ANSWER,
)
async def read_atom_feed(
    request: Request,
    session: Read,
    agency_id: Agency = None,
    if_none_match: IfNoneMatch = None,
    if_modified_since: IfModifiedSince = None,
) -> Response:
    """Give the newest change of each recently changed document; a withdrawn one is a tombstone.

    HEAD answers as GET does, without the body.
    """
    head = await queries.head(session, agency_id)
    headers = _validators(head, f"atom-{agency_id or 'all'}")
    if _unchanged(headers, if_none_match, if_modified_since):
        return Response(status_code=304, headers=headers)
    settings = settings_of(request)
    publishing = settings.publishing
    views = await queries.latest(session, limit=ATOM_ENTRIES, agency_id=agency_id)
    address = f"{publishing.base_url}{request.url.path}"
    rendered = atom.render(views, publishing, title=f"{settings.site_name} 变更目录", address=address)
    return _answer(request, rendered, headers, "application/atom+xml")


@router.post(
    "/feed/receipts",
    status_code=201,
    response_model=ReceiptBody,
    summary="站点回执",
    responses=responses(404, 409, 422, examples={409: (ReceiptTaken,), 422: (ReceiptUrlInvalid,)}),
)
async def record_feed_receipt(body: ReceiptInput, principal: Staff, once: Idempotent) -> Response:
    """Let a CMS say what it made of a change, and where it shows (its token: clerk or admin of the agency)."""
    agency_id = await queries.agency_of(once.uow.session, body.sequence)
    await require(once.uow.session, principal, (Role.CLERK, Role.ADMIN), agency_id)
    receipt = await commands.record_receipt(once.uow, body.cms, body.new())
    return await once.answer(201, receipt_body(receipt))


@router.get("/workbench/documents/{document_id}/receipts", summary="公文的站点回执")
async def list_document_receipts(document_id: UUID, principal: Staff, session: Read) -> ProofBody:
    """Say whether the document's newest change is proven to be shown, and what each CMS answered."""
    return proof_body(await queries.proof_of(session, principal, document_id))


def _answer(request: Request, body: bytes, headers: dict[str, str], media_type: str) -> Response:
    """Answer GET; HEAD gets the same header fields, the length of the body among them (RFC 9110 §9.3.2)."""
    headers = headers | {"Content-Length": str(len(body))}
    return Response(b"" if request.method == "HEAD" else body, headers=headers, media_type=media_type)


def _validators(head: Head, variant: str) -> dict[str, str]:
    """`Last-Modified` counts seconds, so it is given only when no other change can fall into the same one."""
    headers = {"ETag": f'"{head.sequence}-{variant}"', "Cache-Control": "public, max-age=0, must-revalidate"}
    if head.sealed_at is not None and head.settled:
        headers["Last-Modified"] = format_datetime(head.sealed_at.replace(microsecond=0), usegmt=True)
    return headers


def _unchanged(headers: dict[str, str], if_none_match: str | None, if_modified_since: str | None) -> bool:
    if if_none_match is not None:
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return headers["ETag"] in tags or "*" in tags
    if if_modified_since is None or "Last-Modified" not in headers:
        return False
    try:
        return parsedate_to_datetime(headers["Last-Modified"]) <= parsedate_to_datetime(if_modified_since)
    except (TypeError, ValueError):
        return False  # an unreadable date is ignored (RFC 9110 §13.1.3)
