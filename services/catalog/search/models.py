"""The search index: chunks of folded text with the `tsvector` that the application built. Public documents only."""

from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.base import Base


class SearchChunk(Base):
    """Chunk 0 is the title (weight A), 1… the body. Filters stand beside the text, so that they come before ranking."""

    __tablename__ = "search_chunks"

    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    agency_id: Mapped[UUID]
    published_on: Mapped[date]
    folded: Mapped[str] = mapped_column(Text)
    vector: Mapped[str] = mapped_column(TSVECTOR)

    __table_args__ = (
        Index("ix_search_chunks_vector", "vector", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index(
            "ix_search_chunks_title",
            "vector",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where=text("number = 0"),
        ),
        Index("ix_search_chunks_newest", text("published_on DESC"), text("document_id DESC")),
        Index("ix_search_chunks_agency_id", "agency_id"),
    )
