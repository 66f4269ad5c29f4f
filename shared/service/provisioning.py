"""Databases as a deployment needs them: made, with their roles, and migrated. Safe to repeat, at every start.

`LANTAI_POSTGRES_URL` (as an administrator) makes and migrates everything. A service with a database of its own
elsewhere (`LANTAI_<SERVICE>_DATABASE_URL`) is migrated as `LANTAI_<SERVICE>_DATABASE_OWNER_URL`, and granted what it
needs; whoever runs that server has made the database and both roles.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import asyncpg
from sqlalchemy.engine import make_url

from shared.bus.embedded_schema import STEPS, migrate_bus
from shared.bus.embedded_upkeep import undrained
from shared.bus.transport import TransportError
from shared.db import direct
from shared.db.migrate import upgrade
from shared.db.provision import provision
from shared.db.urls import database_of, service_url, with_database
from shared.events import TOPICS
from shared.service.settings import ServiceSettings

BUS = "bus"
ASK_SECONDS = 5.0
T = TypeVar("T")
# What a server says that is there and has no such database, role or table, or another password for the role.
_UNMADE = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,
)


class LogNotDrained(TransportError):
    """Switching to Kafka now would lose events; the message says what to do."""


class LogNotMade(TransportError):
    """The embedded log was never made, or by an older release, or with another secret; the message says what to do."""


class NoDatabase(RuntimeError):
    """No database is named, or it cannot be reached; the message says which setting names it."""


async def prepare_service(settings: ServiceSettings) -> None:
    """Make the service's database if it is ours to make, and bring it to the newest revision. Raises NoDatabase."""
    if settings.database_url is None:
        with _reached("LANTAI_POSTGRES_URL", server_url(settings)):
            secret = settings.secret_key.get_secret_value()
            owner_url, _ = await provision(server_url(settings), settings.service, secret)
            await upgrade(settings.service, owner_url, app_role=f"{database_of(settings.service)}_app")
        return
    app = settings.database_url.get_secret_value()
    setting = f"LANTAI_{settings.service.upper()}_DATABASE_URL"
    if settings.database_owner_url is None:
        with _reached(setting, app):
            await upgrade(settings.service, app)
    else:
        owner = settings.database_owner_url.get_secret_value()
        with _reached(setting.replace("_URL", "_OWNER_URL"), owner):
            await upgrade(settings.service, owner, app_role=make_url(app).username)


async def prepare_log(settings: ServiceSettings) -> None:
    """Make the log's own database, unless there is a Kafka.

    Raises LogNotDrained when a deployment goes to Kafka before its services have read all of the embedded log, and
    NoDatabase.
    """
    if settings.kafka_bootstrap_servers:
        await _refuse_to_leave_unread(settings)
    elif settings.bus_url is not None:
        url = settings.bus_url.get_secret_value()
        with _reached("LANTAI_BUS_URL", url):
            await migrate_bus(url)
    else:
        with _reached("LANTAI_POSTGRES_URL", server_url(settings)):
            owner_url, _ = await provision(server_url(settings), BUS, settings.secret_key.get_secret_value())
            await migrate_bus(owner_url, f"{database_of(BUS)}_app")


async def require_log(settings: ServiceSettings) -> None:
    """Raise LogNotMade where waiting would not help: a server that is away may come back, this does not by itself."""
    if settings.kafka_bootstrap_servers:
        return
    url = log_url(settings)
    try:
        async with asyncio.timeout(ASK_SECONDS):
            step = await _step(url)
    except _UNMADE as told:
        lacks = str(told)
    except direct.UNREACHABLE:
        return
    else:
        if step >= len(STEPS):
            return
        lacks = f"its tables are at step {step} of {len(STEPS)}"
    setting = "LANTAI_POSTGRES_URL and LANTAI_SECRET_KEY" if settings.bus_url is None else "LANTAI_BUS_URL"
    where = make_url(url).render_as_string(hide_password=True)
    raise LogNotMade(
        f"the event log at {where} is not ready for us ({lacks}): run `lantai migrate all`, "
        f"and start with the {setting} that it was given."
    )


async def _step(url: str) -> int:
    connection = await direct.connect(url, "lantai-bus-check")
    try:
        return int(await connection.fetchval("SELECT count(*) FROM bus_schema"))
    finally:
        await direct.close(connection)


def log_url(settings: ServiceSettings) -> str:
    """Return the URL by which a service connects to the embedded log; raises NoDatabase."""
    if settings.bus_url is not None:
        return settings.bus_url.get_secret_value()
    return service_url(server_url(settings), BUS, settings.secret_key.get_secret_value())


async def _refuse_to_leave_unread(settings: ServiceSettings) -> None:
    left = await ask_left_log(settings, lambda url: undrained(url, _readers())) or ()
    if left:
        groups = ", ".join(sorted({backlog.group for backlog in left}))
        raise LogNotDrained(
            f"the embedded event log still holds events that {groups} have not read: "
            "start without LANTAI_KAFKA_BOOTSTRAP_SERVERS until they have, then switch."
        )


async def ask_left_log(settings: ServiceSettings, ask: Callable[[str], Awaitable[T]]) -> T | None:
    """Ask the embedded log that a deployment on Kafka left: the settings still name it, or the same server keeps it.

    None where there is no Kafka, or no such log. Raises NoDatabase.
    """
    if not settings.kafka_bootstrap_servers:
        return None
    if settings.bus_url is not None:
        setting, url = "LANTAI_BUS_URL", settings.bus_url.get_secret_value()
    elif settings.postgres_url is not None:
        setting, url = "LANTAI_POSTGRES_URL", with_database(server_url(settings), database_of(BUS))
    else:
        return None
    with _reached(setting, url):
        return await ask(url)


def _readers() -> list[tuple[str, str]]:
    """Who is to read what, also if it has never started; a compacted topic is told anew where it is missing."""
    return [
        (f"lantai.{reader}", topic.name) for topic in TOPICS.values() if not topic.compacted for reader in topic.readers
    ]


@contextmanager
def _reached(setting: str, url: str) -> Iterator[None]:
    """Say in one sentence that a server is away, or lets nobody in."""
    try:
        yield
    except direct.UNREACHABLE as gone:
        where = make_url(url).render_as_string(hide_password=True)
        raise NoDatabase(
            f"PostgreSQL at {where} cannot be used ({str(gone) or type(gone).__name__}): "
            f"see that it runs and lets this address in, or correct {setting}."
        ) from gone


def server_url(settings: ServiceSettings) -> str:
    """Return the server's URL; raises NoDatabase."""
    if settings.postgres_url is None:
        raise NoDatabase(
            "no database is named: set LANTAI_POSTGRES_URL to a PostgreSQL 18 server "
            f"(or LANTAI_{settings.service.upper()}_DATABASE_URL), or use `lantai up`, which brings its own."
        )
    return settings.postgres_url.get_secret_value()
