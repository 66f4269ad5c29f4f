"""The table of clocks. A clock that a reclassification took away stays, with `withdrawn_at`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.sentiment.base import Base
from services.sentiment.clocks.rules import ClockState, Step


class StepClock(Base):
    """One step's clock of one incident, with the rule that set it and what became of it."""

    __tablename__ = "incident_clocks"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    incident_id: Mapped[UUID] = mapped_column(ForeignKey("incidents.id"))
    step: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    due_at: Mapped[datetime]
    hours: Mapped[int] = mapped_column(Integer)
    rule_id: Mapped[str] = mapped_column(Text)
    citation: Mapped[str] = mapped_column(Text)
    grade: Mapped[str] = mapped_column(Text)
    unconfirmed: Mapped[bool] = mapped_column(Boolean)
    done_at: Mapped[datetime | None]
    in_time: Mapped[bool | None] = mapped_column(Boolean)
    reminded_at: Mapped[datetime | None]
    escalated_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_incident_clocks_step", "incident_id", "step", unique=True, postgresql_where=text("withdrawn_at IS NULL")
        ),
        Index(
            "ix_incident_clocks_missing",
            "due_at",
            "incident_id",
            postgresql_where=text("withdrawn_at IS NULL AND done_at IS NULL"),
        ),
    )

    @property
    def step_value(self) -> Step:
        return Step(self.step)

    @property
    def state(self) -> ClockState:
        """What the rules look at."""
        return ClockState(self.due_at, self.done_at, self.escalated_at)
