"""A database in trouble is waited out; a statement that is wrong is somebody's fault."""

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.db.trouble import database_trouble, transaction_trouble


def told(cause: BaseException, *, lost: bool = False) -> DBAPIError:
    return DBAPIError("SELECT 1", None, cause, connection_invalidated=lost)


@pytest.mark.parametrize(
    "error",
    [
        PoolTimeout("no connection was free"),
        OperationalError("SELECT 1", None, TimeoutError()),  # the driver waited longer than the server may take
        told(ConnectionResetError()),
        told(asyncpg.InterfaceError("connection is closed"), lost=True),
        told(asyncpg.DeadlockDetectedError("x")),
        told(asyncpg.AdminShutdownError("x")),
        told(asyncpg.TooManyConnectionsError("x")),
        told(asyncpg.LockNotAvailableError("x")),
    ],
    ids=repr,
)
def test_what_passes_is_trouble(error: Exception) -> None:
    assert database_trouble(error) and transaction_trouble(error)


@pytest.mark.parametrize(
    "error",
    [
        told(asyncpg.UniqueViolationError("x")),
        told(asyncpg.QueryCanceledError("x")),  # the server's own limit: the statement is too slow
        told(asyncpg.UndefinedTableError("x")),
        ValueError("a handler's"),
    ],
    ids=repr,
)
def test_what_is_wrong_is_not(error: Exception) -> None:
    assert not database_trouble(error) and not transaction_trouble(error)


def test_a_bare_error_of_the_system_is_trouble_only_where_the_database_ended_it() -> None:
    assert transaction_trouble(ConnectionRefusedError()) and not database_trouble(ConnectionRefusedError())
