"""Searching: the index finds, filters come before ranking, a bounded set is ranked, and what is shown is verified.

`newest` pages through every match. `relevance` ranks at most `candidates` matches (titles first, then the newest)
and says when there were more: ranking reads every match, so an unbounded rank would cost as much as the word is common.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Double, Select, String, bindparam, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import TSQUERY

from services.catalog.documents.models import Document
from services.catalog.documents.queries import View
from services.catalog.documents.rules import State
from services.catalog.search.models import SearchChunk
from services.catalog.search.rules import fold, query
from shared.db.pages import decode_cursor, encode_cursor
from shared.db.sessions import AnySession
from shared.replicas import agencies

EXCERPT_CHARACTERS = 40
NUMBERED = 20


class Sort(StrEnum):
    """How matches are ordered."""

    RELEVANCE = "relevance"
    NEWEST = "newest"


@dataclass(frozen=True)
class Search:
    """What is looked for, among what."""

    text: str
    agency_id: UUID | None = None
    published_from: date | None = None
    published_to: date | None = None
    sort: Sort = Sort.RELEVANCE


@dataclass(frozen=True)
class Hit:
    """A document that holds the text, with the place where it does."""

    view: View
    in_title: bool
    excerpt: str


@dataclass(frozen=True)
class Result:
    """One page of hits. `truncated`: there are more matches than were ranked."""

    hits: list[Hit]
    by_number: list[View]
    next_cursor: str | None
    truncated: bool


async def search(session: AnySession, wanted: Search, *, cursor: str | None, limit: int, candidates: int) -> Result:
    """Return the public documents whose title or body holds the text; raises QueryEmpty, QueryTooLong, BadCursor."""
    folded = fold(wanted.text)
    matching = _matching(wanted, query(folded))
    truncated = False
    if wanted.sort is Sort.NEWEST:
        rows, keys = await _newest(session, matching, cursor, limit), ("published_on", "document_id")
    else:
        rows, keys = await _ranked(session, matching, query(folded), cursor, limit, candidates), ("rank", "document_id")
        truncated = bool(rows) and rows[0].seen >= candidates
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = encode_cursor([getattr(rows[-1], key) for key in keys])
    hits = await _shown(session, [(row.document_id, row.number) for row in rows], folded)
    by_number = await _by_number(session, wanted.text) if cursor is None else []
    return Result(hits, by_number, following, truncated)


def _matching(wanted: Search, tsquery: str) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [SearchChunk.vector.op("@@")(_tsquery(tsquery))]
    if wanted.agency_id is not None:
        conditions.append(SearchChunk.agency_id == wanted.agency_id)
    if wanted.published_from is not None:
        conditions.append(SearchChunk.published_on >= wanted.published_from)
    if wanted.published_to is not None:
        conditions.append(SearchChunk.published_on <= wanted.published_to)
    return conditions


def _tsquery(text: str) -> ColumnElement[Any]:
    return cast(bindparam(None, text, String), TSQUERY)


async def _newest(
    session: AnySession, matching: list[ColumnElement[bool]], cursor: str | None, limit: int
) -> list[Any]:
    day, document = SearchChunk.published_on, SearchChunk.document_id
    statement = select(document, day, func.min(SearchChunk.number).label("number")).where(*matching)
    if cursor is not None:
        after = decode_cursor(cursor, (date, UUID))
        statement = statement.where(tuple_(day, document) < tuple_(*after))
    statement = statement.group_by(document, day).order_by(day.desc(), document.desc()).limit(limit + 1)
    return list((await session.execute(statement)).all())


async def _ranked(
    session: AnySession,
    matching: list[ColumnElement[bool]],
    tsquery: str,
    cursor: str | None,
    limit: int,
    candidates: int,
) -> list[Any]:
    title_first = SearchChunk.number > literal(0)
    bounded = (
        select(SearchChunk.document_id, SearchChunk.number, SearchChunk.vector)
        .where(*matching)
        .order_by(title_first, SearchChunk.published_on.desc(), SearchChunk.document_id.desc())
        .limit(candidates)
        .cte("bounded")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    rank = cast(func.max(func.ts_rank(bounded.c.vector, _tsquery(tsquery))), Double)
    ranked = (
        select(
            bounded.c.document_id,
            func.min(bounded.c.number).label("number"),
            rank.label("rank"),
            select(func.count()).select_from(bounded).scalar_subquery().label("seen"),
        )
        .group_by(bounded.c.document_id)
        .subquery()
    )
    statement: Select[Any] = select(ranked)
    if cursor is not None:
        after = decode_cursor(cursor, (float, UUID))
        statement = statement.where(tuple_(ranked.c.rank, ranked.c.document_id) < tuple_(*after))
    statement = statement.order_by(ranked.c.rank.desc(), ranked.c.document_id.desc()).limit(limit + 1)
    return list((await session.execute(statement)).all())


async def _shown(session: AnySession, places: Sequence[tuple[UUID, int]], folded: str) -> list[Hit]:
    """Fetch what a page shows; a hit whose text does not hold the query after all is left out."""
    if not places:
        return []
    chunk = (SearchChunk.document_id, SearchChunk.number)
    texts = select(*chunk, SearchChunk.folded).where(tuple_(*chunk).in_(places))
    found = {row.document_id: row for row in (await session.execute(texts)).all()}
    views = await _views(session, select(Document).where(Document.id.in_(found)))
    by_id = {view.document.id: view for view in views}
    hits: list[Hit] = []
    for document_id, number in places:
        row, view = found.get(document_id), by_id.get(document_id)
        at = row.folded.find(folded) if row is not None else -1
        if row is not None and view is not None and at >= 0:
            start, end = max(0, at - EXCERPT_CHARACTERS), at + len(folded) + EXCERPT_CHARACTERS
            hits.append(Hit(view, number == 0, row.folded[start:end]))
    return hits


async def _by_number(session: AnySession, text: str) -> list[View]:
    """文号 and 索引号 are exact fields: the documents whose number is what was typed."""
    typed = unicodedata.normalize("NFKC", text).strip()
    same = (Document.document_number_folded == fold(text)) | (Document.index_number == typed)
    statement = select(Document).where(Document.state == State.PUBLISHED.value, same)
    return await _views(session, statement.order_by(Document.id.desc()).limit(NUMBERED))


async def _views(session: AnySession, statement: Select[Any]) -> list[View]:
    documents = list((await session.execute(statement)).scalars())
    names = await agencies.names(session, [document.agency_id for document in documents])
    return [View(document, names.get(document.agency_id, "")) for document in documents]
