"""How the spine's tables come into a service's database; its first migration calls `create_spine`."""

from alembic.operations import Operations
from sqlalchemy import Connection, text

from shared.db.spine import spine


def create_spine(op: Operations) -> None:
    """Create every spine table as it stands now; a table added later comes to older databases by `create_missing`."""
    spine.create_all(op.get_bind(), checkfirst=False)


def create_missing(op: Operations) -> None:
    """Create the spine tables that a database made by an earlier revision does not have yet."""
    spine.create_all(op.get_bind(), checkfirst=True)


def add_missing(op: Operations, table: str, *columns: str) -> None:
    """Add columns of the spine, each as its SQL, where a database made by an earlier revision lacks them."""
    for column in columns:
        op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column}")


def drop_spine(op: Operations) -> None:
    """Undo `create_spine`."""
    spine.drop_all(op.get_bind(), checkfirst=False)


def grant_app(connection: Connection, app_role: str) -> None:
    """Let the service's role work, but never change or remove an audit entry or seal (等保 2.0)."""
    role = connection.dialect.identifier_preparer.quote(app_role)
    for statement in (
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries, audit_seals FROM {role}",
    ):
        connection.execute(text(statement))
