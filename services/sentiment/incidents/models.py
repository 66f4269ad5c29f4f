"""The table of incidents."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.sentiment.base import Base
from services.sentiment.incidents.rules import Times
from shared.events.sentiment import IncidentLevel

OPEN = "open"
CLOSED = "closed"


class Incident(Base):
    """政务舆情事件. `version` is its ETag and grows with every change, responses included."""

    __tablename__ = "incidents"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    level: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    occurred_at: Mapped[datetime | None]
    detected_at: Mapped[datetime]
    assigned_at: Mapped[datetime | None]
    started_at: Mapped[datetime]
    registered_at: Mapped[datetime]
    registered_by: Mapped[str] = mapped_column(Text)
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(Text)
    closing_note: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        Index("ix_incidents_agency_id", "agency_id", "id"),
        Index("ix_incidents_open", "id", postgresql_where=text("state = 'open'")),
    )

    @property
    def times(self) -> Times:
        return Times(self.occurred_at, self.detected_at, self.assigned_at)

    @property
    def level_value(self) -> IncidentLevel:
        return IncidentLevel(self.level)
