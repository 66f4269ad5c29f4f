"""The table of local values: rows are added, never changed."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.base import Base
from services.catalog.local_rules.rules import LocalValueData, Start


class LocalValue(Base):
    """What one agency set on one occasion; `value` empty: from then on the superior's or the national value holds."""

    __tablename__ = "local_values"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    rule_id: Mapped[str] = mapped_column(Text)
    value: Mapped[int | None] = mapped_column(Integer)
    start: Mapped[str] = mapped_column(Text, server_default=text("'formed'"))
    since: Mapped[date]
    citation: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    author_id: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime]

    __table_args__ = (Index("ix_local_values_agency_id", "agency_id", "rule_id", "since"),)

    @property
    def data(self) -> LocalValueData:
        """The value as it was entered."""
        return LocalValueData(self.rule_id, self.value, self.since, self.citation, self.reason, Start(self.start))
