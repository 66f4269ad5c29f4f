"""The day an applicant was told of an extension, which a clerk may note late; so far it was the day of the approval."""

import sqlalchemy as sa
from alembic import op

revision = "202611222115"
down_revision = "202611222110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("extensions", sa.Column("told_on", sa.Date(), nullable=True))
    op.execute(
        "UPDATE extensions SET told_on = (decided_at AT TIME ZONE 'Asia/Shanghai')::date WHERE state = 'approved'"
    )


def downgrade() -> None:
    op.drop_column("extensions", "told_on")
