"""From which day of a document a local limit runs."""

import sqlalchemy as sa
from alembic import op

revision = "202611222135"
down_revision = "202611222130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    start = sa.Column("start", sa.Text(), server_default=sa.text("'formed'"), nullable=False)
    op.add_column("local_values", start)


def downgrade() -> None:
    op.drop_column("local_values", "start")
