"""Consultations 征求意见. The name of who is asked is sealed: it may be a person."""

from datetime import date
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.requests.base import Base


class Consultation(Base):
    """One letter asking one third party or organ. `term_ends_on` is derived; `lapsed_on` says that it passed silent."""

    __tablename__ = "consultations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    kind: Mapped[str] = mapped_column(Text)
    consulted_sealed: Mapped[str] = mapped_column(Text)
    consulted_masked: Mapped[str] = mapped_column(Text)
    sent_on: Mapped[date] = mapped_column(Date)
    delivered_on: Mapped[date | None] = mapped_column(Date)
    term_ends_on: Mapped[date | None] = mapped_column(Date)
    lapsed_on: Mapped[date | None] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    opinion: Mapped[str | None] = mapped_column(Text)
    reason_sealed: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (Index("ix_consultations_application_id", "application_id", "id"),)
