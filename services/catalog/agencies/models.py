"""The table of agencies. `agency_id` equals `id`: an agency is its own owner. A reorganisation changes neither."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Integer, Text
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.agencies.rules import AgencyData, AgencyKind, AgencyLevel
from services.catalog.base import Base


class Agency(Base):
    """行政机关. `locality` names the place whose local rules apply."""

    __tablename__ = "agencies"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agencies.id"), index=True)
    level: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    locality: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def apply(self, data: AgencyData) -> None:
        """Take over what may change."""
        self.name, self.parent_id, self.level = data.name, data.parent_id, AgencyLevel(data.level).value
        self.kind, self.locality, self.active = AgencyKind(data.kind).value, data.locality, data.active
