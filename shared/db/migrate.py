"""Migrations of one service's database: `services/<service>/migrations/versions`, one history each.

Invariant: an empty database upgraded to head equals the metadata (an architecture test compares them).
"""

import importlib
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from shared.db.spine import spine
from shared.db.spine_migrations import grant_app

HERE = Path(__file__).parent


def migrations_of(service: str) -> Path:
    """Return the folder of a service's migration files."""
    package = importlib.import_module(f"services.{service}")
    return Path(str(package.__file__)).parent / "migrations" / "versions"


def metadata_of(service: str) -> list[MetaData]:
    """Return what the database of `service` must look like: its own tables and the spine."""
    tables: MetaData = importlib.import_module(f"services.{service}.tables").metadata
    return [tables, spine]


def _config(service: str, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE / "alembic"))
    config.set_main_option("version_locations", str(migrations_of(service)))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata_of(service)
    return config


def _engine(url: str) -> AsyncEngine:
    return create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)


def head(service: str) -> str:
    """Return the newest revision that the code knows."""
    return str(ScriptDirectory.from_config(_config(service)).get_current_head())


async def current(url: str) -> str | None:
    """Return the revision that the database is at, or None when it is empty."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()


async def upgrade(service: str, url: str, *, app_role: str | None = None, revision: str = "head") -> None:
    """Bring the database to `revision`; `url` connects as its owner, `app_role` is granted what the service needs."""

    def run(connection: Connection) -> None:
        command.upgrade(_config(service, connection), revision)
        if app_role:
            grant_app(connection, app_role)

    await _run(url, run)


async def differences(service: str, url: str) -> list[Any]:
    """Return what separates the database from the metadata; empty when they are equal."""
    found: list[Any] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": None})
        merged = MetaData()
        for part in metadata_of(service):
            for table in part.tables.values():
                table.to_metadata(merged)
        found.extend(d for d in compare_metadata(context, merged) if not _is_alembics(d))

    await _run(url, compare)
    return found


def _is_alembics(difference: Any) -> bool:
    return bool(difference[0] == "remove_table" and difference[1].name == "alembic_version")


async def _run(url: str, work: Any) -> None:
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(work)
            await connection.commit()
    finally:
        await engine.dispose()
