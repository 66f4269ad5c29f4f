"""Keeps the index in step with what is public, inside the transaction that publishes, corrects or withdraws."""

from datetime import date
from uuid import UUID

from sqlalchemy import bindparam, delete, text

from services.catalog.search.models import SearchChunk
from services.catalog.search.rules import chunks, fold, vector
from shared.db.sessions import WriteSession

# The vector is made by the application and only cast here: no dictionary, no locale, the same in every PostgreSQL.
_INSERT = text(
    "INSERT INTO search_chunks (document_id, number, agency_id, published_on, folded, vector)"
    " VALUES (:document_id, :number, :agency_id, :published_on, :folded, cast(:vector AS tsvector))"
).bindparams(bindparam("vector"))


async def index_document(
    session: WriteSession, document_id: UUID, agency_id: UUID, published_on: date, title: str, body: str
) -> None:
    """Put a document's current text into the index, in place of what was there."""
    await remove_document(session, document_id)
    folded_title = fold(title)
    rows = [(0, folded_title, vector(folded_title, "A"))]
    rows += [(n, chunk.text, vector(chunk.text, "D")) for n, chunk in enumerate(chunks(fold(body)), start=1)]
    values = [
        {
            "document_id": document_id,
            "number": number,
            "agency_id": agency_id,
            "published_on": published_on,
            "folded": folded,
            "vector": tsvector,
        }
        for number, folded, tsvector in rows
    ]
    await session.execute(_INSERT, values)


async def remove_document(session: WriteSession, document_id: UUID) -> None:
    """Take a document out of the index."""
    await session.execute(delete(SearchChunk).where(SearchChunk.document_id == document_id))
