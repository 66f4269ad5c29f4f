"""Requests for more time, and what was decided about them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.requests.base import Base


class Extension(Base):
    """延长申请. At most one of a case waits for its decision.

    `told_on` is the day the applicant was told; empty until the approval, unless a letter sent before is noted late.
    """

    __tablename__ = "extensions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    working_days: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)
    told_on: Mapped[date | None]
    state: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime]
    requested_by: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(Text)
    decision_note: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_extensions_application_id", "application_id", "id"),
        Index("uq_extensions_open", "application_id", unique=True, postgresql_where=text("state = 'requested'")),
    )
