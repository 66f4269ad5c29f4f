"""Jobs that date open cases anew. `last_id` is how far a job came; a restart goes on behind it.

A job that a new setting of `reminder_days` caused names these days: the newest such row says what was planned last.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.requests.base import Base


class Redating(Base):
    """One calendar notice, replicated or packaged, or setting, and the walk over the open cases that it caused."""

    __tablename__ = "redatings"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    notice: Mapped[str] = mapped_column(Text)
    first_changed_on: Mapped[date] = mapped_column(Date)
    reminder_days: Mapped[str | None] = mapped_column(Text)
    last_id: Mapped[UUID | None]
    looked_at: Mapped[int] = mapped_column(Integer)
    changed: Mapped[int] = mapped_column(Integer)
    requested_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_redatings_open", "id", postgresql_where=text("finished_at IS NULL")),)
