"""Databases as a deployment needs them: made, with their roles, and migrated. Safe to repeat, at every start.

`LANTAI_POSTGRES_URL` (as an administrator) makes and migrates everything. A service with a database of its own
elsewhere (`LANTAI_<SERVICE>_DATABASE_URL`) is migrated as `LANTAI_<SERVICE>_DATABASE_OWNER_URL`, and granted what it
needs; whoever runs that server has made the database and both roles.
"""

import asyncpg
from sqlalchemy.engine import make_url

from shared.bus.embedded_schema import migrate_bus
from shared.bus.embedded_upkeep import undrained
from shared.bus.transport import Transport, TransportError
from shared.db.migrate import upgrade
from shared.db.provision import provision
from shared.db.urls import database_of, with_database
from shared.events import TOPICS
from shared.service.settings import ServiceSettings

BUS = "bus"


class LogNotDrained(TransportError):
    """Switching to Kafka now would lose events; the message says what to do."""


class NoDatabase(RuntimeError):
    """The settings name no database; the message says which setting does."""


async def prepare_service(settings: ServiceSettings) -> None:
    """Make the service's database if it is ours to make, and bring it to the newest revision."""
    if settings.database_url is not None:
        app = settings.database_url.get_secret_value()
        owner = settings.database_owner_url
        if owner is None:
            await upgrade(settings.service, app)
        else:
            await upgrade(settings.service, owner.get_secret_value(), app_role=make_url(app).username)
        return
    owner_url, _ = await provision(server_url(settings), settings.service, settings.secret_key.get_secret_value())
    await upgrade(settings.service, owner_url, app_role=f"{database_of(settings.service)}_app")


async def prepare_bus(settings: ServiceSettings, transport: Transport) -> None:
    """Make the log's own database unless there is a Kafka, and the topics of the registry in either.

    Raises LogNotDrained when a deployment goes to Kafka before its services have read all of the embedded log.
    """
    if settings.kafka_bootstrap_servers:
        await _refuse_to_leave_unread(settings)
    elif settings.bus_url is not None:
        await migrate_bus(settings.bus_url.get_secret_value())
    else:
        owner_url, _ = await provision(server_url(settings), BUS, settings.secret_key.get_secret_value())
        await migrate_bus(owner_url, f"{database_of(BUS)}_app")
    await transport.start()
    try:
        await transport.ensure_topics(TOPICS.values())
    finally:
        await transport.stop()


async def _refuse_to_leave_unread(settings: ServiceSettings) -> None:
    if settings.postgres_url is None:
        return
    try:
        left = await undrained(with_database(server_url(settings), database_of(BUS)))
    except asyncpg.InvalidCatalogNameError:
        return  # there never was an embedded log
    if left:
        groups = ", ".join(sorted({backlog.group for backlog in left}))
        raise LogNotDrained(
            f"the embedded event log still holds events that {groups} have not read: "
            "start without LANTAI_KAFKA_BOOTSTRAP_SERVERS until they have, then switch."
        )


def server_url(settings: ServiceSettings) -> str:
    """Return the server's URL; raises NoDatabase."""
    if settings.postgres_url is None:
        raise NoDatabase(
            "no database is named: set LANTAI_POSTGRES_URL to a PostgreSQL 18 server "
            f"(or LANTAI_{settings.service.upper()}_DATABASE_URL), or use `lantai up`, which brings its own."
        )
    return settings.postgres_url.get_secret_value()
