"""Which packaged years of the calendar were seen, and since when."""

from alembic import op

from shared.db.spine_migrations import create_missing

revision = "202611222110"
down_revision = "202611220900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_missing(op)


def downgrade() -> None:
    """Leave the table: an earlier revision creates it too."""
