"""Whether a due day rests on a rule still to be confirmed; nothing is left of a closed case."""

import sqlalchemy as sa
from alembic import op

revision = "202611222000"
down_revision = "202611220900"
branch_labels = None
depends_on = None


def upgrade() -> None:
    unconfirmed = sa.Column("unconfirmed", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("applications", unconfirmed)
    # Until the end of 2020 the article by which the first day is not counted is graded C.
    op.execute("UPDATE applications SET unconfirmed = true WHERE received_on <= '2020-12-31'")
    op.execute("UPDATE applications SET left_days = NULL WHERE closed_on IS NOT NULL")


def downgrade() -> None:
    op.drop_column("applications", "unconfirmed")
