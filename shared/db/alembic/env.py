"""The one Alembic environment of all services: `shared.db.migrate` hands it the connection and the metadata."""

from alembic import context
from sqlalchemy import text

config = context.config
connection = config.attributes["connection"]

# A migration that cannot get its lock fails quickly instead of queueing every request behind it.
connection.execute(text("SET lock_timeout = '5s'"))
connection.execute(text("SET statement_timeout = '15min'"))
context.configure(
    connection=connection,
    target_metadata=config.attributes["metadata"],
    compare_type=True,
    compare_server_default=False,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
