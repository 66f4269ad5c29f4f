"""Routes that read documents: the public's, and the workbench of those who work on them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from services.catalog.documents import queries
from services.catalog.documents.errors import DocumentWithdrawnFromPublic
from services.catalog.documents.meta_tags import MetaTagsBody
from services.catalog.documents.page import render, render_absence
from services.catalog.documents.rules import State
from services.catalog.documents.schemas import DocumentBody, DocumentSummary, Number, WorkBody, WorkSummary
from services.catalog.documents.views import (
    document_body,
    document_summary,
    meta_tags_of,
    work_body,
    work_summary,
)
from services.catalog.settings import CatalogSettings
from shared.auth import Staff
from shared.calendar import civil_day
from shared.db.clock import read_now
from shared.db.uow import audit_trail
from shared.errors import NotFound
from shared.events.catalog import DisclosureAttribute
from shared.http.bodies import Day
from shared.http.etags import set_etag
from shared.http.openapi import PUBLIC
from shared.http.pages import PageBody, PageParams, paged
from shared.http.problems import STATUS, responses
from shared.http.sessions import Read
from shared.http.timeline import Timeline, timeline_entries

router = APIRouter(prefix="/documents", tags=["公开公文"])
workbench = APIRouter(prefix="/workbench/documents", tags=["公文办理"])
pages = APIRouter(prefix="/api/catalog/v1/documents")
GONE = responses(410, examples={410: (DocumentWithdrawnFromPublic,)})


def settings_of(request: Request) -> CatalogSettings:
    """The service's settings."""
    settings: CatalogSettings = request.app.state.deps.settings
    return settings


@router.get("", summary="已公开公文列表", openapi_extra=PUBLIC)
async def list_documents(
    request: Request,
    response: Response,
    session: Read,
    params: PageParams,
    agency_id: Annotated[UUID | None, Query(description="发文机关")] = None,
    document_number: Annotated[Number | None, Query(description="文号（精确）")] = None,
    index_number: Annotated[Number | None, Query(description="索引号（精确）")] = None,
    published_from: Annotated[Day | None, Query(description="发布日期起")] = None,
    published_to: Annotated[Day | None, Query(description="发布日期止")] = None,
) -> PageBody[DocumentSummary]:
    """List public documents, newest first."""
    wanted = queries.Filter(
        agency_id=agency_id,
        document_number=document_number,
        index_number=index_number,
        published_from=published_from,
        published_to=published_to,
    )
    page = await queries.published(session, wanted, cursor=params.cursor, limit=params.limit)
    publishing = settings_of(request).publishing
    return paged(request, response, page, lambda view: document_summary(view, publishing))


@router.get("/{document_id}", summary="公文全文", openapi_extra=PUBLIC, responses=GONE)
async def get_document(document_id: UUID, request: Request, session: Read, response: Response) -> DocumentBody:
    """Show a public document; one that was withdrawn is 410, so that copies are dropped."""
    view = await queries.public(session, document_id)
    set_etag(response, view.document.version)
    return document_body(view, settings_of(request).publishing)


@router.get("/{document_id}/meta-tags", summary="网页元标签", openapi_extra=PUBLIC, responses=GONE)
async def get_document_meta_tags(document_id: UUID, request: Request, session: Read) -> MetaTagsBody:
    """Give a CMS the meta tags for the document's page (国办发〔2017〕47号)."""
    settings = settings_of(request)
    tags = meta_tags_of(await queries.public(session, document_id), settings.publishing, settings)
    return MetaTagsBody(tags=tags, html=tags.html())


@pages.get("/{document_id}/page", response_class=HTMLResponse, openapi_extra=PUBLIC)
async def show_document_page(document_id: UUID, request: Request, session: Read) -> HTMLResponse:
    """Show a public document as a plain page with its meta tags."""
    settings = settings_of(request)
    try:
        view = await queries.public(session, document_id)
    except (NotFound, DocumentWithdrawnFromPublic) as absent:
        return HTMLResponse(render_absence(absent), STATUS[absent.category])
    return HTMLResponse(render(view, meta_tags_of(view, settings.publishing, settings)))


@workbench.get("", summary="办理中的公文列表")
async def list_documents_in_work(
    request: Request,
    response: Response,
    principal: Staff,
    session: Read,
    params: PageParams,
    agency_id: Annotated[UUID | None, Query(description="发文机关")] = None,
    state: Annotated[State | None, Query(description="办理状态")] = None,
    attribute: Annotated[DisclosureAttribute | None, Query(description="公开属性")] = None,
    overdue: Annotated[bool, Query(description="只看逾期未发布的（暂定期限不算）")] = False,
) -> PageBody[WorkSummary]:
    """List the documents of the caller's agencies in any state, newest first."""
    overdue_on = civil_day(await read_now(session)) if overdue else None
    wanted = queries.Filter(agency_id=agency_id, state=state, attribute=attribute, overdue_on=overdue_on)
    page = await queries.worked_on(session, principal, wanted, cursor=params.cursor, limit=params.limit)
    return paged(request, response, page, work_summary)


@workbench.get("/{document_id}", summary="办理中的公文")
async def get_document_in_work(document_id: UUID, principal: Staff, session: Read, response: Response) -> WorkBody:
    """Show a document with its reviews item by item and its corrections; the `ETag` is for the next action."""
    view = await queries.in_work(session, principal, document_id)
    set_etag(response, view.document.version)
    return work_body(view)


@workbench.get("/{document_id}/timeline", summary="办理轨迹")
async def get_document_timeline(document_id: UUID, principal: Staff, session: Read) -> Timeline:
    """Show who did what, when, from the audit trail."""
    await queries.in_work(session, principal, document_id)
    return Timeline(items=timeline_entries(await audit_trail(session, document_id)))
