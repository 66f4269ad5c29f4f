"""Creates each service's database and its two roles on a PostgreSQL server, as often as it is asked to.

The owner role migrates; the application role works and can neither alter the schema nor touch an audit entry.
"""

import asyncpg

from shared.db.urls import database_of, role_password, service_url, with_database


async def provision(server_url: str, service: str, secret: str) -> tuple[str, str]:
    """Create what is missing, set both passwords, and return (owner URL, application URL)."""
    database = database_of(service)
    owner, app = f"{database}_owner", f"{database}_app"
    admin = await _connect(with_database(server_url, "postgres"))
    try:
        for role in (owner, app):
            password = role_password(secret, role)
            if not await admin.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await admin.execute(f'CREATE ROLE "{role}" LOGIN')
            await admin.execute(f"ALTER ROLE \"{role}\" LOGIN PASSWORD '{password}'")
        await admin.execute(f'GRANT "{owner}" TO CURRENT_USER')
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await admin.execute(
                f'CREATE DATABASE "{database}" OWNER "{owner}" ENCODING \'UTF8\''
                " TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
            )
        await admin.execute(f'REVOKE CONNECT ON DATABASE "{database}" FROM PUBLIC')
        await admin.execute(f'GRANT CONNECT ON DATABASE "{database}" TO "{app}"')
    finally:
        await admin.close()
    return service_url(server_url, service, secret, "owner"), service_url(server_url, service, secret, "app")


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"), timeout=10)
