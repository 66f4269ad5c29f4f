"""Open letters of dead timers are found by the timer: who cancels or moves it closes its letter."""

from alembic import op
from sqlalchemy import text

revision = "202611230015"
down_revision = "202611222130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = text("kind = 'timer' AND decided_at IS NULL")
    op.create_index("ix_dead_letters_timer", "dead_letters", ["key"], postgresql_where=where, if_not_exists=True)


def downgrade() -> None:
    """Leave the index: an earlier revision creates it too."""
