"""The reply 答复 to a case: drafted, approved with its remedy sentence, delivered."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.requests.base import Base


class Reply(Base):
    """One reply a case. Text that may name people is sealed; `row` is where table 三 counts it."""

    __tablename__ = "replies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"), unique=True)
    state: Mapped[str] = mapped_column(Text)
    outcome: Mapped[str] = mapped_column(Text)
    row: Mapped[str] = mapped_column(Text)
    refused_row: Mapped[str | None] = mapped_column(Text)
    text_sealed: Mapped[str] = mapped_column(Text)
    document_id: Mapped[UUID | None]
    document_title: Mapped[str | None] = mapped_column(Text)
    document_url: Mapped[str | None] = mapped_column(Text)
    new_document_title: Mapped[str | None] = mapped_column(Text)
    new_document_formed_on: Mapped[date | None] = mapped_column(Date)
    drafted_at: Mapped[datetime]
    drafted_by: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(Text)
    decision_note: Mapped[str | None] = mapped_column(Text)
    remedy_id: Mapped[str | None] = mapped_column(Text)
    remedy: Mapped[str | None] = mapped_column(Text)
    delivery_mode: Mapped[str | None] = mapped_column(Text)
    delivered_on: Mapped[date | None] = mapped_column(Date)
    delivery_proof: Mapped[str | None] = mapped_column(Text)
    published_title: Mapped[str | None] = mapped_column(Text)
    published_url: Mapped[str | None] = mapped_column(Text)
