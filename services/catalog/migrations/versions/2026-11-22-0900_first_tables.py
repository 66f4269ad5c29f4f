"""Agencies, notices, documents, obligations, search and feed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.db.base import UtcDateTime
from shared.db.spine_migrations import create_spine, drop_spine

revision = "202611220901"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_spine(op)
    op.create_table(
        "agencies",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("locality", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["agencies.id"], name=op.f("fk_agencies_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agencies")),
        sa.UniqueConstraint("code", name=op.f("uq_agencies_code")),
    )
    op.create_index(op.f("ix_agencies_parent_id"), "agencies", ["parent_id"], unique=False)
    op.create_table(
        "calendar_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("local_agency_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("issued", sa.Date(), nullable=True),
        sa.Column("holidays", sa.Text(), nullable=False),
        sa.Column("make_up_days", sa.Text(), nullable=False),
        sa.Column("effective_from", UtcDateTime(), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_notices")),
        sa.UniqueConstraint("subject", "version", name=op.f("uq_calendar_notices_subject_version")),
    )
    op.create_index("ix_calendar_notices_year", "calendar_notices", ["year", "version"], unique=False)
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("document_number_folded", sa.Text(), nullable=True),
        sa.Column("index_number", sa.Text(), nullable=True),
        sa.Column("content_source", sa.Text(), nullable=True),
        sa.Column("attribute", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("return_note", sa.Text(), nullable=True),
        sa.Column("formed_on", sa.Date(), nullable=True),
        sa.Column("printed_on", sa.Date(), nullable=True),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_citation", sa.Text(), nullable=True),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("drafter_id", sa.Text(), nullable=False),
        sa.Column("drafter_name", sa.Text(), nullable=False),
        sa.Column("origin_application_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
        sa.UniqueConstraint("index_number", name=op.f("uq_documents_index_number")),
        sa.UniqueConstraint("origin_application_id", name=op.f("uq_documents_origin_application_id")),
    )
    op.create_index("ix_documents_agency_id", "documents", ["agency_id", "id"], unique=False)
    op.create_index("ix_documents_document_number_folded", "documents", ["document_number_folded"], unique=False)
    op.create_index(
        "ix_documents_published_on",
        "documents",
        ["published_on", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'published'"),
    )
    op.create_index("ix_documents_state", "documents", ["state", "id"], unique=False)
    op.create_index(
        "ix_documents_unpublished", "documents", ["due_on"], unique=False, postgresql_where=sa.text("state = 'signed'")
    )
    op.create_index(
        "uq_documents_agency_id_document_number_folded",
        "documents",
        ["agency_id", "document_number_folded"],
        unique=True,
    )
    op.create_table(
        "index_counters",
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency_id", "year", name=op.f("pk_index_counters")),
    )
    op.create_table(
        "obligations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("cadence", sa.Text(), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=True),
        sa.Column("due_by", sa.Text(), nullable=True),
        sa.Column("once_on", sa.Date(), nullable=True),
        sa.Column("season_from", sa.Text(), nullable=True),
        sa.Column("season_to", sa.Text(), nullable=True),
        sa.Column("limit_number", sa.Integer(), nullable=True),
        sa.Column("limit_unit", sa.Text(), nullable=True),
        sa.Column("interval_days", sa.Integer(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("generated_through", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligations")),
        sa.UniqueConstraint("agency_id", "key", name=op.f("uq_obligations_agency_id_key")),
    )
    op.create_index("ix_obligations_agency_id", "obligations", ["agency_id", "id"], unique=False)
    op.create_table(
        "document_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Text(), nullable=False),
        sa.Column("proposed_by_name", sa.Text(), nullable=False),
        sa.Column("proposed_at", UtcDateTime(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("previous_title", sa.Text(), nullable=True),
        sa.Column("previous_body", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_document_corrections_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_corrections")),
    )
    op.create_index("ix_document_corrections_document_id", "document_corrections", ["document_id", "id"], unique=False)
    op.create_index(
        "uq_document_corrections_pending",
        "document_corrections",
        ["document_id"],
        unique=True,
        postgresql_where=sa.text("decision IS NULL"),
    )
    op.create_table(
        "feed_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("written", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("changed_on", sa.Date(), nullable=False),
        sa.Column("sealed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_feed_entries_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_entries")),
        sa.UniqueConstraint("sequence", name=op.f("uq_feed_entries_sequence")),
    )
    op.create_index("ix_feed_entries_document_id", "feed_entries", ["document_id", "sequence"], unique=False)
    op.create_index(
        "ix_feed_entries_unsealed",
        "feed_entries",
        ["written"],
        unique=False,
        postgresql_where=sa.text("sequence IS NULL"),
    )
    op.create_table(
        "feed_receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("cms", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_feed_receipts_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_receipts")),
        sa.UniqueConstraint("cms", "sequence", name=op.f("uq_feed_receipts_cms_sequence")),
    )
    op.create_index(op.f("ix_feed_receipts_document_id"), "feed_receipts", ["document_id"], unique=False)
    op.create_table(
        "obligation_instances",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("obligation_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("due_provisional", sa.Boolean(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("triggered_on", sa.Date(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=True),
        sa.Column("fulfilled_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_obligation_instances_document_id")),
        sa.ForeignKeyConstraint(
            ["obligation_id"], ["obligations.id"], name=op.f("fk_obligation_instances_obligation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligation_instances")),
        sa.UniqueConstraint(
            "obligation_id",
            "period_start",
            "due_on",
            name=op.f("uq_obligation_instances_obligation_id_period_start_due_on"),
        ),
    )
    op.create_index(
        "ix_obligation_instances_agency_id", "obligation_instances", ["agency_id", "due_on", "id"], unique=False
    )
    op.create_index(op.f("ix_obligation_instances_document_id"), "obligation_instances", ["document_id"], unique=False)
    op.create_index(
        "ix_obligation_instances_open",
        "obligation_instances",
        ["due_on", "id"],
        unique=False,
        postgresql_where=sa.text("state <> 'fulfilled'"),
    )
    op.create_table(
        "search_chunks",
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("vector", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_search_chunks_document_id")),
        sa.PrimaryKeyConstraint("document_id", "number", name=op.f("pk_search_chunks")),
    )
    op.create_index(
        "ix_search_chunks_title",
        "search_chunks",
        ["vector"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=sa.text("number = 0"),
    )
    op.create_index(
        "ix_search_chunks_newest",
        "search_chunks",
        [sa.literal_column("published_on DESC"), sa.literal_column("document_id DESC")],
        unique=False,
    )
    op.create_index("ix_search_chunks_agency_id", "search_chunks", ["agency_id"], unique=False)
    op.create_index(
        "ix_search_chunks_vector",
        "search_chunks",
        ["vector"],
        unique=False,
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_table(
        "document_review_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("correction_id", sa.Uuid(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("item", sa.Text(), nullable=False),
        sa.Column("clear", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("reviewer_id", sa.Text(), nullable=False),
        sa.Column("reviewer_name", sa.Text(), nullable=False),
        sa.Column("reviewed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"], ["document_corrections.id"], name=op.f("fk_document_review_entries_correction_id")
        ),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name=op.f("fk_document_review_entries_document_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_review_entries")),
        sa.UniqueConstraint(
            "document_id", "round", "item", name=op.f("uq_document_review_entries_document_id_round_item")
        ),
    )


def downgrade() -> None:
    op.drop_table("document_review_entries")
    op.drop_table("search_chunks")
    op.drop_table("obligation_instances")
    op.drop_table("feed_receipts")
    op.drop_table("feed_entries")
    op.drop_table("document_corrections")
    op.drop_table("obligations")
    op.drop_table("index_counters")
    op.drop_table("documents")
    op.drop_table("calendar_notices")
    op.drop_table("agencies")
    drop_spine(op)
