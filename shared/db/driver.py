"""The driver's own connection inside one transaction: a statement costs a tenth of what a session's does.

The connection comes from the service's pool, so there is one budget, and a session opened on it joins the transaction:
SQLAlchemy lends the connection in AUTOCOMMIT and never says BEGIN or COMMIT itself. Errors arrive as SQLAlchemy's,
whichever way a statement went, so callers tell a database in trouble from a wrong statement in one way.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.db.sessions import WriteSession

ERRORS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


class Transaction:
    """One transaction on a pooled connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._session: WriteSession | None = None
        lent = connection.sync_connection
        assert lent is not None
        driver: Any = lent.connection.driver_connection
        self._driver: asyncpg.Connection = driver

    @property
    def session(self) -> WriteSession:
        """A session that works in this transaction, made when it is first asked for."""
        if self._session is None:
            self._session = WriteSession(self._connection, expire_on_commit=False)
        return self._session

    @property
    def has_session(self) -> bool:
        """Whether somebody asked for the session."""
        return self._session is not None

    async def flush_session(self) -> None:
        """Write what the session, if there is one, holds back."""
        if self._session is not None:
            await self._session.flush()

    async def begin(self) -> None:
        try:
            await self._driver.execute("BEGIN")
        except ERRORS as error:
            raise self._told("BEGIN", error) from error

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement, with `$1` for its first value, and return its rows."""
        try:
            rows: list[Any] = await self._driver.fetch(sql, *values)
        except ERRORS as error:
            raise self._told(sql, error) from error
        return rows

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """An error undoes what was written inside, and that alone; the session is forgotten with its objects."""
        await self.fetch("SAVEPOINT here")
        try:
            yield
            await self.fetch("RELEASE SAVEPOINT here")
        except Exception:
            if self._session is not None:
                await self._session.close()
                self._session = None
            with suppress(*ERRORS):  # of a connection that is gone, whoever uses it next is told
                await self._driver.execute("ROLLBACK TO SAVEPOINT here")
            raise

    async def commit(self) -> None:
        """Commit. Raises for a transaction that an error had doomed: its COMMIT is a ROLLBACK, and says so softly."""
        try:
            done = await self._driver.execute("COMMIT")
        except ERRORS as error:
            raise self._told("COMMIT", error) from error
        if done != "COMMIT":
            raise self._told("COMMIT", asyncpg.InFailedSQLTransactionError("rolled back: a statement had failed"))

    async def undo(self) -> None:
        """Roll back and give the connection back; one that cannot be rolled back is not used again."""
        try:
            # Said also where no transaction seems open: a BEGIN that was cut off takes effect when nobody looks.
            await self._driver.execute("ROLLBACK")
        except ERRORS:
            await self._connection.invalidate()
        finally:
            await self.close()

    async def close(self) -> None:
        """Give the connection back to the pool."""
        if self._session is not None:
            await self._session.close()
        await self._connection.close()

    def _told(self, sql: str, error: BaseException) -> DBAPIError:
        kind: type[DBAPIError] = DBAPIError
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            kind = IntegrityError
        elif isinstance(error, asyncpg.InterfaceError):
            kind = InterfaceError
        elif isinstance(error, OSError):
            kind = OperationalError
        return kind(sql, None, error, hide_parameters=True, connection_invalidated=self._driver.is_closed())
