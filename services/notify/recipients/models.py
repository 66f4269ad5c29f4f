"""The table of staff recipients. The address is sealed; lists show its mask, equality uses its blind index."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from services.notify.base import Base

MAIL_CONTEXT = "recipients.mail"
MAIL_PURPOSE = "notify mail"


class Recipient(Base):
    """A member of staff who is told of what concerns a role at an agency; `subject` names their 站内信."""

    __tablename__ = "recipients"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    role: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    mail_sealed: Mapped[str] = mapped_column(Text)
    mail_masked: Mapped[str] = mapped_column(Text)
    mail_blind: Mapped[str] = mapped_column(Text)
    subject: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("agency_id", "role", "mail_blind"),
        Index("ix_recipients_told", "agency_id", "role", postgresql_where=text("active")),
    )
