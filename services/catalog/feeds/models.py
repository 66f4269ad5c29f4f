"""Tables of the change feed and of what CMSs answered."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.base import Base


class FeedEntry(Base):
    """One public change. `written` orders the changes of one document, `sequence` (given after the commit) the feed."""

    __tablename__ = "feed_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    written: Mapped[int] = mapped_column(BigInteger, Identity(always=True))
    sequence: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"))
    change: Mapped[str] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    changed_at: Mapped[datetime]
    changed_on: Mapped[date]
    sealed_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_feed_entries_unsealed", "written", postgresql_where=text("sequence IS NULL")),
        Index("ix_feed_entries_document_id", "document_id", "sequence"),
    )


class FeedReceipt(Base):
    """回执: a CMS says what it made of a change, and where it shows."""

    __tablename__ = "feed_receipts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"), index=True)
    sequence: Mapped[int] = mapped_column(BigInteger)
    cms: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("cms", "sequence"),)
