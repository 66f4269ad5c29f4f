"""Tables of documents: the document, its reviews item by item, its corrections, and the counter of 索引号."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.base import Base
from services.catalog.documents.rules import Document as Facts
from services.catalog.documents.rules import Ground, ReturnReason, State
from shared.events.catalog import DisclosureAttribute


class Document(Base):
    """公文. `version` is its ETag, `revision` counts what the public saw; 成文, 印发 and 发布 days are separate."""

    __tablename__ = "documents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    document_number: Mapped[str | None] = mapped_column(Text)
    document_number_folded: Mapped[str | None] = mapped_column(Text)
    index_number: Mapped[str | None] = mapped_column(Text, unique=True)
    content_source: Mapped[str | None] = mapped_column(Text)
    attribute: Mapped[str | None] = mapped_column(Text)
    ground: Mapped[str | None] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    return_reason: Mapped[str | None] = mapped_column(Text)
    return_note: Mapped[str | None] = mapped_column(Text)
    formed_on: Mapped[date | None]
    printed_on: Mapped[date | None]
    published_on: Mapped[date | None]
    published_at: Mapped[datetime | None]
    due_on: Mapped[date | None]
    due_citation: Mapped[str | None] = mapped_column(Text)
    due_provisional: Mapped[bool] = mapped_column(Boolean)
    revision: Mapped[int] = mapped_column(Integer)
    drafter_id: Mapped[str] = mapped_column(Text)
    drafter_name: Mapped[str] = mapped_column(Text)
    origin_application_id: Mapped[UUID | None] = mapped_column(unique=True)
    withdrawal_reason: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index("ix_documents_agency_id", "agency_id", "id"),
        Index("ix_documents_state", "state", "id"),
        Index("ix_documents_published_on", "published_on", "id", postgresql_where=text("state = 'published'")),
        Index("ix_documents_unpublished", "due_on", postgresql_where=text("state = 'signed'")),
        Index("uq_documents_agency_id_document_number_folded", "agency_id", "document_number_folded", unique=True),
        Index("ix_documents_document_number_folded", "document_number_folded"),
    )

    @property
    def facts(self) -> Facts:
        """What the rules need to know."""
        return Facts(
            state=State(self.state),
            drafter_id=self.drafter_id,
            attribute=DisclosureAttribute(self.attribute) if self.attribute else None,
            ground=Ground(self.ground) if self.ground else None,
            reason=self.reason,
            return_reason=ReturnReason(self.return_reason) if self.return_reason else None,
            formed_on=self.formed_on,
            printed_on=self.printed_on,
            published_on=self.published_on,
            due_on=self.due_on,
            revision=self.revision,
        )

    def take(self, facts: Facts, now: datetime) -> None:
        """Write back what a rule decided, as the next version."""
        self.state, self.revision = facts.state.value, facts.revision
        self.return_reason = facts.return_reason.value if facts.return_reason else None
        self.formed_on, self.printed_on, self.published_on = facts.formed_on, facts.printed_on, facts.published_on
        self.touch(now)

    def touch(self, now: datetime) -> None:
        """Make a new version of the row."""
        self.version, self.updated_at = self.version + 1, now


class ReviewEntry(Base):
    """One item of one secrecy review 保密审查; a document that was returned has several reviews."""

    __tablename__ = "document_review_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"))
    correction_id: Mapped[UUID | None] = mapped_column(ForeignKey("document_corrections.id"))
    round: Mapped[int] = mapped_column(Integer)
    item: Mapped[str] = mapped_column(Text)
    clear: Mapped[bool] = mapped_column(Boolean)
    note: Mapped[str | None] = mapped_column(Text)
    reviewer_id: Mapped[str] = mapped_column(Text)
    reviewer_name: Mapped[str] = mapped_column(Text)
    reviewed_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("document_id", "round", "item"),)


class Correction(Base):
    """更正 of a public document: proposed by one person, decided by another. Keeps the text it replaced."""

    __tablename__ = "document_corrections"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    document_id: Mapped[UUID] = mapped_column(ForeignKey("documents.id"))
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    proposed_by_id: Mapped[str] = mapped_column(Text)
    proposed_by_name: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime]
    decision: Mapped[str | None] = mapped_column(Text)
    decided_by_name: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    revision: Mapped[int | None] = mapped_column(Integer)
    previous_title: Mapped[str | None] = mapped_column(Text)
    previous_body: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_document_corrections_document_id", "document_id", "id"),
        Index("uq_document_corrections_pending", "document_id", unique=True, postgresql_where=text("decision IS NULL")),
    )


class IndexCounter(Base):
    """The last 索引号 serial given to an agency in a year. Its row lock makes the numbers gap-free."""

    __tablename__ = "index_counters"

    agency_id: Mapped[UUID] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(Integer)
