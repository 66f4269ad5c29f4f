"""Lists over HTTP: keyset pages with an opaque `cursor`, and `Link: rel="next"` while there is more."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from shared.db.pages import Page

Row = TypeVar("Row")
Item = TypeVar("Item")

CURSOR = r"^[A-Za-z0-9_-]{1,500}$"


@dataclass(frozen=True)
class PageQuery:
    """Where the page begins, and how long it may be."""

    cursor: str | None
    limit: int


class PageBody(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last."""

    items: list[Item]
    next_cursor: str | None


async def page_query(
    cursor: Annotated[str | None, Query(pattern=CURSOR, description="上一页的 next_cursor；首页不填")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="每页条数")] = 50,
) -> PageQuery:
    """Read the two parameters that every list has."""
    return PageQuery(cursor, limit)


PageParams = Annotated[PageQuery, Depends(page_query)]


def paged(request: Request, response: Response, page: Page[Row], render: Callable[[Row], Item]) -> PageBody[Item]:
    """Return the body of a page and put the `Link` to the next one on the answer."""
    if page.next_cursor is not None:
        following = request.url.include_query_params(cursor=page.next_cursor)
        response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    return PageBody(items=[render(row) for row in page.items], next_cursor=page.next_cursor)
