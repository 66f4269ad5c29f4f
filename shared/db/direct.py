"""Connections outside the pool: for a lock that a session holds, for LISTEN, and for the log in `lantai_bus`.

They are asyncpg's own, never inside a unit of work, and every wait on them has a limit.
"""

from typing import Any

import asyncpg

CONNECT_SECONDS = 5.0
COMMAND_SECONDS = 15.0

# What a dead, stopping or overloaded server makes asyncpg raise, and a deadlock, which is tried again likewise;
# a statement that is wrong raises something else.
UNREACHABLE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.TransactionRollbackError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


def dsn(url: str) -> str:
    """Return the address as asyncpg reads it."""
    return url.replace("postgresql+asyncpg://", "postgresql://", 1)


async def connect(
    url: str, application: str, *, idle_session_timeout_seconds: float | None = None, durable: bool = True
) -> asyncpg.Connection:
    """Open a connection. With a session timeout the server ends it when it has been idle so long.

    A stopped process (SIGSTOP) then loses what its session holds, instead of holding it for ever. A session that is
    not `durable` commits without waiting for the disk: for what may be lost in a crash of the server and done again.
    """
    settings: dict[str, Any] = {"application_name": application, "timezone": "UTC", "jit": "off"}
    if idle_session_timeout_seconds is not None:
        settings["idle_session_timeout"] = str(int(idle_session_timeout_seconds * 1000))
    if not durable:
        settings["synchronous_commit"] = "off"
    return await asyncpg.connect(
        dsn(url), timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS, server_settings=settings
    )


async def close(connection: asyncpg.Connection) -> None:
    """Close within a second, or cut; never raises for a connection that is already gone."""
    try:
        await connection.close(timeout=1)
    except UNREACHABLE:
        connection.terminate()
