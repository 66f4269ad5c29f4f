"""A database in trouble is waited out; a statement that is wrong is somebody's fault."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from shared.db.trouble import database_trouble, describe, transaction_trouble
from tests.kit.postgres import PostgresServer


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


async def test_what_does_not_fit_the_schema_is_named_and_no_value_is(postgres: PostgresServer) -> None:
    """An operator sees which table is missing; what a citizen wrote stays in the row."""
    engine = create_async_engine(postgres.url.replace("postgresql://", "postgresql+asyncpg://"))
    said = []
    for statement in ("SELECT * FROM reminders", "SELECT CAST('13812345678' AS uuid)"):
        async with engine.connect() as connection:
            with pytest.raises(DBAPIError) as raised:
                await connection.execute(text(statement))
            said.append(describe(raised.value))
    await engine.dispose()
    assert said[0].endswith('42P01 relation "reminders" does not exist')
    assert said[1].endswith("22P02")
    assert describe(told(asyncpg.UndefinedTableError("x"))) == "UndefinedTableError 42P01 x"


@pytest.mark.parametrize("error", [BlockingIOError(11, "Resource temporarily unavailable"), told(BlockingIOError(11))])
def test_a_server_whose_queue_is_full_is_told_of_in_words(error: Exception) -> None:
    assert describe(error).startswith("the server takes no more connections")
