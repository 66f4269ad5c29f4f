"""The table of deliveries: one row per event, recipient and channel. Texts hold no personal data, addresses masks."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.notify.base import Base
from services.notify.deliveries.rules import State

REAL_NOW = func.now()
"""The database's own time. Pauses and leases go by it, as all retries do: a shifted business clock sends nothing."""


class Delivery(Base):
    """One notice to one recipient over one channel. `version` is its ETag and grows with every change.

    `next_attempt_at` and `lease_until` are real time, everything else is business time.
    """

    __tablename__ = "deliveries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    event_id: Mapped[UUID]
    event_type: Mapped[str] = mapped_column(Text)
    about: Mapped[UUID]
    recipient_kind: Mapped[str] = mapped_column(Text)
    recipient_id: Mapped[UUID]
    recipient_roles: Mapped[str | None] = mapped_column(Text)
    inbox_subject: Mapped[str | None] = mapped_column(Text)
    channel: Mapped[str] = mapped_column(Text)
    template_id: Mapped[str] = mapped_column(Text)
    template_version: Mapped[int] = mapped_column(Integer)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(Integer)
    refusals: Mapped[int] = mapped_column(Integer)
    next_attempt_at: Mapped[datetime | None]
    lease_token: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    message_id: Mapped[str | None] = mapped_column(Text)
    possibly_doubled: Mapped[bool] = mapped_column(Boolean)
    sent_to_masked: Mapped[str | None] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    ended_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(Text)
    settlement: Mapped[str | None] = mapped_column(Text)

    __table_args__ = (
        UniqueConstraint("event_id", "recipient_id", "channel"),
        Index(
            "ix_deliveries_waiting", "next_attempt_at", "id", postgresql_where=text("state IN ('pending', 'unknown')")
        ),
        Index("ix_deliveries_sending", "lease_until", postgresql_where=text("state = 'sending'")),
        Index("ix_deliveries_failed", "id", postgresql_where=text("state = 'failed' AND settled_at IS NULL")),
        Index("ix_deliveries_inbox", "inbox_subject", "id", postgresql_where=text("channel = 'inbox'")),
        Index("ix_deliveries_agency_id", "agency_id", "id"),
        Index("ix_deliveries_about", "about", "id"),
    )

    @property
    def state_value(self) -> State:
        return State(self.state)
