"""Tables of a case: its row, its append-only history, and the series of receipt numbers.

The history decides; `state`, `due_on`, `provisional`, `left_days` and the dates below them are derived from it at each
command and kept for lists only.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, Text, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from services.requests.base import Base


class Application(Base):
    """申请. `version` is its ETag and grows with every change of any part of the case."""

    __tablename__ = "applications"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(Integer)
    receipt_number: Mapped[str] = mapped_column(Text, unique=True)
    code_hash: Mapped[str] = mapped_column(Text)
    recipient_ref: Mapped[UUID] = mapped_column(unique=True)
    channel: Mapped[str] = mapped_column(Text)
    applicant_kind: Mapped[str] = mapped_column(Text)
    applicant_masked: Mapped[str] = mapped_column(Text)
    personal_sealed: Mapped[str] = mapped_column(Text)
    content_sealed: Mapped[str] = mapped_column(Text)
    id_number_blind: Mapped[str] = mapped_column(Text)
    form_wanted: Mapped[str] = mapped_column(Text)
    obtain_by: Mapped[str] = mapped_column(Text)
    registered_at: Mapped[datetime]
    registered_by: Mapped[str] = mapped_column(Text)
    delivered_on: Mapped[date] = mapped_column(Date)
    received_on: Mapped[date | None] = mapped_column(Date)
    signed_for_at: Mapped[datetime | None]
    signed_for_by: Mapped[str | None] = mapped_column(Text)
    regulation_override: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    due_on: Mapped[date | None] = mapped_column(Date)
    provisional: Mapped[bool] = mapped_column(Boolean)
    unconfirmed: Mapped[bool] = mapped_column(Boolean, server_default=false())
    left_days: Mapped[int | None] = mapped_column(Integer)
    paused_until: Mapped[date | None] = mapped_column(Date)
    answer_by: Mapped[date | None] = mapped_column(Date)
    closed_on: Mapped[date | None] = mapped_column(Date)

    __table_args__ = (
        Index("ix_applications_registered", "registered_at", "id"),
        Index("ix_applications_agency", "agency_id", "registered_at", "id"),
        Index("ix_applications_due", "due_on", "id", postgresql_where=text("closed_on IS NULL")),
        Index("ix_applications_open", "id", "due_on", postgresql_where=text("closed_on IS NULL")),
        Index("ix_applications_late", "registered_at", "id", postgresql_where=text("state = 'replied_late'")),
        Index("ix_applications_same_person", "agency_id", "id_number_blind"),
    )


class CaseEntry(Base):
    """One thing that happened, on a civil day. `data` is JSON without personal data; a note may be sealed beside it."""

    __tablename__ = "case_events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    agency_id: Mapped[UUID]
    application_id: Mapped[UUID] = mapped_column(ForeignKey("applications.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(Text)
    on: Mapped[date] = mapped_column(Date)
    data: Mapped[str] = mapped_column(Text)
    note_sealed: Mapped[str | None] = mapped_column(Text)
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(Text)
    recorder_name: Mapped[str] = mapped_column(Text)

    __table_args__ = (UniqueConstraint("application_id", "sequence"),)


class ReceiptSeries(Base):
    """The last serial number given by an agency in a year. Its row lock keeps the numbers free of gaps."""

    __tablename__ = "receipt_series"

    agency_id: Mapped[UUID] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    last_serial: Mapped[int] = mapped_column(Integer)


applications = Base.metadata.tables[Application.__tablename__]
case_events = Base.metadata.tables[CaseEntry.__tablename__]
