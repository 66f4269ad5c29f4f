"""Which reminders of a due day have fired, so that a case dated again to the same day is not reminded twice."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.requests.base import Base


class Reminder(Base):
    """One fired timer: sent, or superseded by a later one that was due as well."""

    __tablename__ = "reminders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    kind: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date] = mapped_column(Date)
    outcome: Mapped[str] = mapped_column(Text)
    fired_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("application_id", "kind", "due_on"),)
