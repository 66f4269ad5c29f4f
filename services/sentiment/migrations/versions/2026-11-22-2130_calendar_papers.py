"""Which earlier notices the days of a year go on resting on, and what the notice is called."""

from alembic import op

from shared.db.spine_migrations import add_missing

revision = "202611222130"
down_revision = "202611222110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    add_missing(op, "calendar_replica", "title text", "earlier_papers text")


def downgrade() -> None:
    """Leave the columns: an earlier revision creates them too."""
