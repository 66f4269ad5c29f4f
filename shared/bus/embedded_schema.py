"""The tables of the embedded log, in the database `lantai_bus`. They belong to `shared/bus` alone.

Invariants: `next_offset` is raised under the partition's row lock in the transaction that appends, so offsets are
committed in order and without gaps; a cursor moves only for the owner of its lease.
"""

import asyncpg

from shared.db import direct

# Numbered steps; a released step is never edited, a change is a new one.
STEPS: tuple[str, ...] = (
    """
    CREATE TABLE bus_topics (
        name text PRIMARY KEY,
        partitions integer NOT NULL CHECK (partitions > 0),
        retention_seconds bigint,
        compacted boolean NOT NULL
    );
    CREATE TABLE bus_partitions (
        topic text NOT NULL REFERENCES bus_topics,
        partition integer NOT NULL,
        next_offset bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (topic, partition)
    ) WITH (fillfactor = 50);
    CREATE TABLE bus_records (
        topic text NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        key text NOT NULL,
        headers text NOT NULL,
        body bytea NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (topic, partition, "offset")
    );
    CREATE INDEX ix_bus_records_at ON bus_records (topic, partition, at);
    CREATE TABLE bus_cursors (
        group_name text NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        position bigint NOT NULL DEFAULT 0,
        owner uuid,
        lease_until timestamptz,
        PRIMARY KEY (group_name, topic, partition)
    ) WITH (fillfactor = 50);
    CREATE TABLE bus_members (
        group_name text NOT NULL,
        member uuid NOT NULL,
        topics text NOT NULL,
        alive_until timestamptz NOT NULL,
        PRIMARY KEY (group_name, member)
    );
    """,
    # Who published last under a name that only one may bear at a time (`Transport.sole_publisher`).
    """
    CREATE TABLE bus_publishers (
        name text PRIMARY KEY,
        term bigint NOT NULL
    );
    """,
)
MIGRATION_LOCK = 0x1A27A1_B05


async def migrate_bus(owner_url: str, app_role: str | None = None) -> None:
    """Bring `lantai_bus` to the newest step, once even when several processes start together."""
    connection = await direct.connect(owner_url, "lantai-bus-migration")
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '5s'")
            await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATION_LOCK)
            await connection.execute("CREATE TABLE IF NOT EXISTS bus_schema (step integer PRIMARY KEY)")
            await _take_steps(connection)
            if app_role:
                await _grant(connection, app_role)
    finally:
        await direct.close(connection)


async def _take_steps(connection: asyncpg.Connection) -> None:
    done = await connection.fetchval("SELECT count(*) FROM bus_schema")
    for step, statements in list(enumerate(STEPS))[done:]:
        await connection.execute(statements)
        await connection.execute("INSERT INTO bus_schema VALUES ($1)", step)


async def _grant(connection: asyncpg.Connection, app_role: str) -> None:
    quoted = '"' + app_role.replace('"', '""') + '"'
    await connection.execute(f"GRANT USAGE ON SCHEMA public TO {quoted}")
    await connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}")
