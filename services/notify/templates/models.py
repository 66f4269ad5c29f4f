"""The table of edited texts. A version is never changed: an edit is a new one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from services.notify.base import Base


class TemplateVersion(Base):
    """One edited text of one template: it speaks for its agency and those below."""

    __tablename__ = "template_versions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    template_id: Mapped[str] = mapped_column(Text)
    version: Mapped[int] = mapped_column(Integer)
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("template_id", "agency_id", "version"),)
