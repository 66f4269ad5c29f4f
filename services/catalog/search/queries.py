"""Searching: the index finds, the text verifies, filters come before ranking, and a bounded set is ranked.

The index is asked for texts that hold all bigrams of the question, which it answers without reading a text; where that
is not yet a proof (three characters and more) the text is compared. `newest` pages through every match. `relevance`
ranks at most `candidates` titles and as many bodies, the newest, and says when there were more: ranking reads every
match, so an unbounded rank would cost as much as the word is common.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Double,
    Select,
    String,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from services.catalog.documents.models import Document
from services.catalog.documents.queries import WITHOUT_TEXT, View
from services.catalog.documents.rules import State
from services.catalog.search.models import SearchChunk
from services.catalog.search.rules import BIGRAM, fold, query
from shared.db.pages import decode_cursor, encode_cursor
from shared.db.sessions import AnySession
from shared.replicas.tables import agency_replica

TITLE: ColumnElement[int] = literal_column("0")
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
    conditions = matching(wanted, folded)
    truncated = False
    if wanted.sort is Sort.NEWEST:
        rows, keys = await newest(session, conditions, cursor, limit), ("published_on", "document_id")
    else:
        rows, keys = await _ranked(session, conditions, folded, cursor, limit, candidates), ("rank", "document_id")
        truncated = bool(rows) and rows[0].seen >= candidates
    following = None
    if len(rows) > limit:
        rows = rows[:limit]
        following = encode_cursor([getattr(rows[-1], key) for key in keys])
    hits = await _shown(session, [(row.document_id, row.number) for row in rows], folded)
    by_number = await _by_number(session, wanted.text) if cursor is None else []
    return Result(hits, by_number, following, truncated)


def matching(wanted: Search, folded: str) -> list[ColumnElement[bool]]:
    """What a chunk must satisfy; raises QueryEmpty or QueryTooLong."""
    conditions: list[ColumnElement[bool]] = [SearchChunk.vector.op("@@")(_tsquery(query(folded)))]
    if len(folded) > BIGRAM:
        conditions.append(func.strpos(SearchChunk.folded, _literal(folded)) > 0)
    if wanted.agency_id is not None:
        conditions.append(SearchChunk.agency_id == wanted.agency_id)
    if wanted.published_from is not None:
        conditions.append(SearchChunk.published_on >= wanted.published_from)
    if wanted.published_to is not None:
        conditions.append(SearchChunk.published_on <= wanted.published_to)
    return conditions


def _literal(text: str) -> ColumnElement[str]:
    """A quoted literal instead of a parameter: the plan depends on how common the word is, so it must be seen."""
    return bindparam(None, text, String, literal_execute=True)


def _tsquery(text: str) -> ColumnElement[Any]:
    return cast(_literal(text), TSQUERY)


async def newest(
    session: AnySession, conditions: list[ColumnElement[bool]], cursor: str | None, limit: int
) -> list[Any]:
    """Return up to `limit` + 1 matching documents (document_id, published_on, number of a chunk), newest first."""
    day, document = SearchChunk.published_on, SearchChunk.document_id
    statement = select(document, day, func.min(SearchChunk.number).label("number")).where(*conditions)
    if cursor is not None:
        after = decode_cursor(cursor, (date, UUID))
        statement = statement.where(tuple_(day, document) < tuple_(*after))
    statement = statement.group_by(document, day).order_by(day.desc(), document.desc()).limit(limit + 1)
    return list((await session.execute(statement)).all())


async def _ranked(
    session: AnySession,
    conditions: list[ColumnElement[bool]],
    folded: str,
    cursor: str | None,
    limit: int,
    candidates: int,
) -> list[Any]:
    titles, bodies = (
        select(SearchChunk.document_id, SearchChunk.number, SearchChunk.vector)
        .where(kind, *conditions)
        .order_by(SearchChunk.published_on.desc(), SearchChunk.document_id.desc())
        .limit(candidates)
        for kind in (SearchChunk.number == TITLE, SearchChunk.number > TITLE)
    )
    bounded = union_all(titles, bodies).cte("bounded").prefix_with("MATERIALIZED", dialect="postgresql")
    in_title = func.count().filter(bounded.c.number == TITLE)
    in_body = func.count().filter(bounded.c.number > TITLE)
    rank = cast(func.max(func.ts_rank(bounded.c.vector, _tsquery(query(folded)))), Double)
    ranked = (
        select(
            bounded.c.document_id,
            func.min(bounded.c.number).label("number"),
            rank.label("rank"),
            select(func.greatest(in_title, in_body)).scalar_subquery().label("seen"),
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
    """Fetch what a page shows, with the place of the hit; one that was withdrawn meanwhile is left out."""
    if not places:
        return []
    found_at = func.strpos(SearchChunk.folded, folded)
    start = func.greatest(found_at - EXCERPT_CHARACTERS, 1)
    excerpt = func.substr(SearchChunk.folded, start, len(folded) + 2 * EXCERPT_CHARACTERS)
    statement = (
        select(Document, agency_replica.c.name, excerpt.label("excerpt"))
        .join(SearchChunk, SearchChunk.document_id == Document.id)
        .outerjoin(agency_replica, agency_replica.c.id == Document.agency_id)
        .where(tuple_(SearchChunk.document_id, SearchChunk.number).in_(places))
        .options(WITHOUT_TEXT)
    )
    found = {row.Document.id: row for row in (await session.execute(statement)).all()}
    return [
        Hit(View(row.Document, row.name or ""), number == 0, row.excerpt)
        for document_id, number in places
        if (row := found.get(document_id)) is not None
    ]


async def _by_number(session: AnySession, text: str) -> list[View]:
    """文号 and 索引号 are exact fields: the documents whose number is what was typed."""
    typed = unicodedata.normalize("NFKC", text).strip()
    if not any(character.isdigit() for character in typed):
        return []
    same = (Document.document_number_folded == fold(text)) | (Document.index_number == typed)
    statement = (
        select(Document, agency_replica.c.name)
        .outerjoin(agency_replica, agency_replica.c.id == Document.agency_id)
        .where(Document.state == State.PUBLISHED.value, same)
        .order_by(Document.id.desc())
        .limit(NUMBERED)
        .options(WITHOUT_TEXT)
    )
    return [View(row.Document, row.name or "") for row in (await session.execute(statement)).all()]
