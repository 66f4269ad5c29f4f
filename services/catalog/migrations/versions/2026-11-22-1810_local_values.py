"""Values that agencies set for themselves."""

import sqlalchemy as sa
from alembic import op

from shared.db.base import UtcDateTime

revision = "202611221810"
down_revision = "202611220901"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "local_values",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agency_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=True),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("citation", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Text(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_local_values")),
    )
    op.create_index("ix_local_values_agency_id", "local_values", ["agency_id", "rule_id", "since"], unique=False)


def downgrade() -> None:
    op.drop_table("local_values")
