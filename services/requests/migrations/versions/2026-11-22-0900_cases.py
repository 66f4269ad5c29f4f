"""Cases, their history, consultations, extensions, replies, reminders and re-dating jobs."""

import sqlalchemy as sa
from alembic import op

from shared.db.base import UtcDateTime
from shared.db.spine_migrations import create_spine, drop_spine

revision = "202611220900"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_spine(op)
    op.create_table(
        "applications",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("receipt_number", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=False),
        sa.Column("recipient_ref", sa.Uuid(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("applicant_kind", sa.Text(), nullable=False),
        sa.Column("applicant_masked", sa.Text(), nullable=False),
        sa.Column("personal_sealed", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.Text(), nullable=False),
        sa.Column("id_number_blind", sa.Text(), nullable=False),
        sa.Column("form_wanted", sa.Text(), nullable=False),
        sa.Column("obtain_by", sa.Text(), nullable=False),
        sa.Column("registered_at", UtcDateTime(), nullable=False),
        sa.Column("registered_by", sa.Text(), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("signed_for_at", UtcDateTime(), nullable=True),
        sa.Column("signed_for_by", sa.Text(), nullable=True),
        sa.Column("regulation_override", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("left_days", sa.Integer(), nullable=True),
        sa.Column("paused_until", sa.Date(), nullable=True),
        sa.Column("answer_by", sa.Date(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
        sa.UniqueConstraint("receipt_number", name=op.f("uq_applications_receipt_number")),
        sa.UniqueConstraint("recipient_ref", name=op.f("uq_applications_recipient_ref")),
    )
    op.create_index("ix_applications_agency", "applications", ["agency_id", "registered_at", "id"], unique=False)
    op.create_index(
        "ix_applications_due",
        "applications",
        ["due_on", "id"],
        unique=False,
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    op.create_index(
        "ix_applications_late",
        "applications",
        ["registered_at", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'replied_late'"),
    )
    op.create_index(
        "ix_applications_open",
        "applications",
        ["id", "due_on"],
        unique=False,
        postgresql_where=sa.text("closed_on IS NULL"),
    )
    op.create_index("ix_applications_registered", "applications", ["registered_at", "id"], unique=False)
    op.create_index("ix_applications_same_person", "applications", ["agency_id", "id_number_blind"], unique=False)
    op.create_table(
        "receipt_series",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_serial", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency_id", "year", name=op.f("pk_receipt_series")),
    )
    op.create_table(
        "redatings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("notice", sa.Text(), nullable=False),
        sa.Column("first_changed_on", sa.Date(), nullable=False),
        sa.Column("last_id", sa.Uuid(), nullable=True),
        sa.Column("looked_at", sa.Integer(), nullable=False),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redatings")),
    )
    op.create_index(
        "ix_redatings_open", "redatings", ["id"], unique=False, postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_table(
        "case_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("note_sealed", sa.Text(), nullable=True),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorder_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_case_events_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_events")),
        sa.UniqueConstraint("application_id", "sequence", name=op.f("uq_case_events_application_id_sequence")),
    )
    op.create_table(
        "consultations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("consulted_sealed", sa.Text(), nullable=False),
        sa.Column("consulted_masked", sa.Text(), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.Column("delivered_on", sa.Date(), nullable=True),
        sa.Column("term_ends_on", sa.Date(), nullable=True),
        sa.Column("lapsed_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("opinion", sa.Text(), nullable=True),
        sa.Column("reason_sealed", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_consultations_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consultations")),
    )
    op.create_index("ix_consultations_application_id", "consultations", ["application_id", "id"], unique=False)
    op.create_table(
        "extensions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("working_days", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_extensions_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extensions")),
    )
    op.create_index("ix_extensions_application_id", "extensions", ["application_id", "id"], unique=False)
    op.create_index(
        "uq_extensions_open",
        "extensions",
        ["application_id"],
        unique=True,
        postgresql_where=sa.text("state = 'requested'"),
    )
    op.create_table(
        "reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("fired_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_reminders_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminders")),
        sa.UniqueConstraint("application_id", "kind", "due_on", name=op.f("uq_reminders_application_id_kind_due_on")),
    )
    op.create_table(
        "replies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("row", sa.Text(), nullable=False),
        sa.Column("refused_row", sa.Text(), nullable=True),
        sa.Column("text_sealed", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("document_title", sa.Text(), nullable=True),
        sa.Column("document_url", sa.Text(), nullable=True),
        sa.Column("new_document_title", sa.Text(), nullable=True),
        sa.Column("new_document_formed_on", sa.Date(), nullable=True),
        sa.Column("drafted_at", UtcDateTime(), nullable=False),
        sa.Column("drafted_by", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decision_note", sa.Text(), nullable=True),
        sa.Column("remedy_id", sa.Text(), nullable=True),
        sa.Column("remedy", sa.Text(), nullable=True),
        sa.Column("delivery_mode", sa.Text(), nullable=True),
        sa.Column("delivered_on", sa.Date(), nullable=True),
        sa.Column("delivery_proof", sa.Text(), nullable=True),
        sa.Column("published_title", sa.Text(), nullable=True),
        sa.Column("published_url", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_replies_application_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replies")),
        sa.UniqueConstraint("application_id", name=op.f("uq_replies_application_id")),
    )


def downgrade() -> None:
    op.drop_table("replies")
    op.drop_table("reminders")
    op.drop_index("uq_extensions_open", table_name="extensions", postgresql_where=sa.text("state = 'requested'"))
    op.drop_index("ix_extensions_application_id", table_name="extensions")
    op.drop_table("extensions")
    op.drop_index("ix_consultations_application_id", table_name="consultations")
    op.drop_table("consultations")
    op.drop_table("case_events")
    op.drop_index("ix_redatings_open", table_name="redatings", postgresql_where=sa.text("finished_at IS NULL"))
    op.drop_table("redatings")
    op.drop_table("receipt_series")
    op.drop_index("ix_applications_same_person", table_name="applications")
    op.drop_index("ix_applications_registered", table_name="applications")
    op.drop_index("ix_applications_open", table_name="applications", postgresql_where=sa.text("closed_on IS NULL"))
    op.drop_index("ix_applications_late", table_name="applications", postgresql_where=sa.text("state = 'replied_late'"))
    op.drop_index("ix_applications_due", table_name="applications", postgresql_where=sa.text("closed_on IS NULL"))
    op.drop_index("ix_applications_agency", table_name="applications")
    op.drop_table("applications")
    drop_spine(op)
