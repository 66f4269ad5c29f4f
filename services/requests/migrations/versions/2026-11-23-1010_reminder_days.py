"""Which days the reminders of open cases were planned for last: a new setting has them planned anew."""

import sqlalchemy as sa
from alembic import op

revision = "202611231010"
down_revision = "202611230015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("redatings", sa.Column("reminder_days", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("redatings", "reminder_days")
