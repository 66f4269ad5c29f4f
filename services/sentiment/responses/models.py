"""The table of responses: what was said, where, when and by whom it was recorded. Rows are never changed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.sentiment.base import Base


class Response(Base):
    """回应: does a step, or continues (持续发布) after one."""

    __tablename__ = "responses"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    kind: Mapped[str] = mapped_column(Text)
    responded_at: Mapped[datetime]
    in_time: Mapped[bool | None] = mapped_column(Boolean)
    outlet: Mapped[str] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (Index("ix_responses_incident_id", "incident_id", "responded_at", "id"),)
