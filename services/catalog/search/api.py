"""The route of search."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from services.catalog.documents.api import settings_of
from services.catalog.search import queries
from services.catalog.search.queries import Search, Sort
from services.catalog.search.rules import QueryEmpty, QueryTooLong
from services.catalog.search.schemas import SearchBody, search_body
from shared.http.bodies import Day
from shared.http.openapi import PUBLIC
from shared.http.pages import PageParams
from shared.http.problems import responses
from shared.http.sessions import Read

router = APIRouter(prefix="/search", tags=["检索"])


@router.get(
    "",
    summary="检索公文",
    openapi_extra=PUBLIC,
    responses=responses(422, examples={422: (QueryEmpty, QueryTooLong)}),
)
async def search_documents(
    request: Request,
    session: Read,
    params: PageParams,
    q: Annotated[str, Query(min_length=1, max_length=400, description="检索词，1 至 100 字", examples=["政务公开"])],
    agency_id: Annotated[UUID | None, Query(description="发文机关")] = None,
    published_from: Annotated[Day | None, Query(description="发布日期起")] = None,
    published_to: Annotated[Day | None, Query(description="发布日期止")] = None,
    sort: Annotated[Sort, Query(description="relevance 相关度；newest 最新（完整）")] = Sort.RELEVANCE,
) -> SearchBody:
    """Find every public document that holds the text, whatever the width, case or brackets it is written in."""
    settings = settings_of(request)
    result = await queries.search(
        session,
        Search(q, agency_id, published_from, published_to, sort),
        cursor=params.cursor,
        limit=params.limit,
        candidates=settings.search_candidates,
    )
    return search_body(result, settings.publishing)
