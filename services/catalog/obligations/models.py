"""Tables of obligations and their dated instances."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, ForeignKey, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.catalog.base import Base
from services.catalog.obligations.rules import Cadence, InstanceState, MonthDay, Schedule


class Obligation(Base):
    """公开义务. `key` is stable per source (G03), `quote` its words, `interval_days` the agency's own interval."""

    __tablename__ = "obligations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    key: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    quote: Mapped[str] = mapped_column(Text)
    plan: Mapped[str] = mapped_column(Text)
    citation: Mapped[str] = mapped_column(Text)
    cadence: Mapped[str] = mapped_column(Text)
    every_days: Mapped[int | None] = mapped_column(Integer)
    due_by: Mapped[str | None] = mapped_column(Text)
    once_on: Mapped[date | None]
    season_from: Mapped[str | None] = mapped_column(Text)
    season_to: Mapped[str | None] = mapped_column(Text)
    limit_number: Mapped[int | None] = mapped_column(Integer)
    limit_unit: Mapped[str | None] = mapped_column(Text)
    interval_days: Mapped[int | None] = mapped_column(Integer)
    starts_on: Mapped[date]
    generated_through: Mapped[date | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("agency_id", "key"),
        Index("ix_obligations_agency_id", "agency_id", "id"),
    )

    @property
    def schedule(self) -> Schedule:
        """What the rules need to know."""
        season = None
        if self.season_from and self.season_to:
            season = (MonthDay.parse(self.season_from), MonthDay.parse(self.season_to))
        return Schedule(
            cadence=Cadence(self.cadence),
            starts_on=self.starts_on,
            every_days=self.every_days,
            due_by=MonthDay.parse(self.due_by) if self.due_by else None,
            once_on=self.once_on,
            season=season,
            interval_days=self.interval_days,
        )


class Instance(Base):
    """One dated instance 公开任务. `triggered_on` is set when an event, not a cadence, made it."""

    __tablename__ = "obligation_instances"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    obligation_id: Mapped[UUID] = mapped_column(ForeignKey("obligations.id"))
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    period_start: Mapped[date]
    period_end: Mapped[date]
    due_on: Mapped[date]
    due_provisional: Mapped[bool] = mapped_column(Boolean)
    citation: Mapped[str] = mapped_column(Text)
    triggered_on: Mapped[date | None]
    document_id: Mapped[UUID | None] = mapped_column(ForeignKey("documents.id"), index=True)
    fulfilled_on: Mapped[date | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("obligation_id", "period_start", "due_on"),
        Index("ix_obligation_instances_agency_id", "agency_id", "due_on", "id"),
        Index("ix_obligation_instances_open", "due_on", "id", postgresql_where=text("state <> 'fulfilled'")),
    )

    @property
    def current(self) -> InstanceState:
        """The state as the rules name it."""
        return InstanceState(self.state)
