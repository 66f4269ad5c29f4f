"""The table of holiday notices: rows are added, never changed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.base import Base


class CalendarNotice(Base):
    """One version of one year's arrangement; `local_agency_id` empty means the whole country.

    `holidays` holds lines `name first last`, `make_up_days` ISO dates, one a line.
    """

    __tablename__ = "calendar_notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    subject: Mapped[UUID]
    year: Mapped[int] = mapped_column(Integer)
    version: Mapped[int] = mapped_column(Integer)
    local_agency_id: Mapped[UUID | None]
    number: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    issued: Mapped[date | None]
    holidays: Mapped[str] = mapped_column(Text)
    make_up_days: Mapped[str] = mapped_column(Text)
    effective_from: Mapped[datetime]
    published_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("subject", "version"),
        Index("ix_calendar_notices_year", "year", "version"),
    )
