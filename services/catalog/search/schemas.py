"""HTTP bodies of search."""

from pydantic import Field

from services.catalog.documents.publication import Publishing
from services.catalog.documents.schemas import DocumentSummary
from services.catalog.documents.views import document_summary
from services.catalog.search.queries import Result
from shared.http.bodies import Output


class HitBody(Output):
    """A document that holds the text."""

    document: DocumentSummary
    in_title: bool = Field(description="是否标题命中")
    excerpt: str = Field(description="命中处上下文（已归一化）")


class SearchBody(Output):
    """One page of hits."""

    items: list[HitBody]
    by_number: list[DocumentSummary] = Field(description="文号或索引号与检索词相同的公文（仅首页）")
    next_cursor: str | None
    truncated: bool = Field(description="命中过多时只对其中一部分排序；完整结果请用 sort=newest")


def search_body(result: Result, publishing: Publishing) -> SearchBody:
    """Show a page of hits."""
    return SearchBody(
        items=[
            HitBody(document=document_summary(hit.view, publishing), in_title=hit.in_title, excerpt=hit.excerpt)
            for hit in result.hits
        ],
        by_number=[document_summary(view, publishing) for view in result.by_number],
        next_cursor=result.next_cursor,
        truncated=result.truncated,
    )
