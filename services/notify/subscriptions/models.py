"""The table of public subscriptions. No token is stored: both links are derived from the id and a key."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.notify.base import Base

MAIL_CONTEXT = "subscriptions.mail"


class Subscription(Base):
    """A member of the public who asked to be told of an agency's documents (and those of agencies below it)."""

    __tablename__ = "subscriptions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    mail_sealed: Mapped[str] = mapped_column(Text)
    mail_masked: Mapped[str] = mapped_column(Text)
    mail_blind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("mail_blind", "agency_id"),
        Index("ix_subscriptions_told", "agency_id", postgresql_where=text("state = 'active'")),
    )
