"""The driver's own connection inside one transaction: a statement costs a tenth of what a session's does.

The transaction begins when it has to: what only reads may be asked ahead of it, and a single statement that writes
everything is a transaction by itself, so a command that needs no more costs two round trips. A session opened here
joins the transaction: SQLAlchemy has the connection in AUTOCOMMIT and never says BEGIN or COMMIT itself. Errors arrive
as SQLAlchemy's, whichever way a statement went: a database in trouble is told from a wrong statement in one way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from shared.db.lending import ERRORS, Lent
from shared.db.sessions import WriteSession

OURS = "lantai_transaction"
ROLLBACK_SECONDS = 1.0


class Transaction:
    """One transaction on a lent connection; `begun` says whether it has been opened.

    `first` gives a statement that comes first in it when it is opened, with `{0}` where its first value goes, and is
    forgotten when that has been done.
    """

    def __init__(self, lent: Lent) -> None:
        self._lent = lent
        self._driver = lent.driver
        self._session: WriteSession | None = None
        self._silent = False
        self.begun = False
        self.first: Callable[[], tuple[str, Sequence[Any]]] | None = None

    @property
    def session(self) -> WriteSession:
        """A session that works in this transaction, made when it is first asked for.

        Raises when the connection is lost: SQLAlchemy would open another one, and write there outside the transaction.
        """
        if self._session is None:
            if not self._lent.is_sound:
                raise self._told("session", asyncpg.InterfaceError("the connection of this transaction is lost"))
            self._lent.info[OURS] = self
            self._session = WriteSession(self._lent.connection, expire_on_commit=False)
        return self._session

    @property
    def has_session(self) -> bool:
        """Whether somebody asked for the session."""
        return self._session is not None

    async def flush_session(self) -> None:
        """Write what the session, if there is one, holds back."""
        if self._session is not None:
            await self._session.flush()

    async def begin(self, within_seconds: float | None = None) -> None:
        """Open the transaction, unless it is open."""
        if self.begun:
            return
        self.begun = True  # before it is so: a BEGIN that is cut off takes effect when nobody looks
        try:
            await self._open(within_seconds)
        except BaseException as error:
            if self._silent or isinstance(error, asyncio.CancelledError):
                self._driver.terminate()  # whoever goes on all the same must not write where `first` was not run
            raise

    async def _open(self, within_seconds: float | None) -> None:
        try:
            await self._driver.execute("BEGIN", timeout=within_seconds)
        except ERRORS as error:
            raise self._told("BEGIN", error) from error
        if self.first is not None:
            sql, values = self.first()
            await self.ask(sql.format(*(f"${n}" for n in range(1, len(values) + 1))), values)
            self.first = None

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement in the transaction, with `$1` for its first value, and return its rows."""
        if not self.begun:
            await self.begin()
        return await self.ask(sql, values)

    async def ask(self, sql: str, values: Sequence[Any], within_seconds: float | None = None) -> list[Any]:
        """Run one statement as `fetch` does, but by itself while no transaction has begun."""
        try:
            rows: list[Any] = await self._driver.fetch(sql, *values, timeout=within_seconds)
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
                # Released too: it would else hide one of the same name outside.
                await self._driver.execute("ROLLBACK TO SAVEPOINT here; RELEASE SAVEPOINT here")
            raise

    async def commit(self, last: tuple[str, Sequence[Any]] | None = None) -> None:
        """Run the last statement, if there is one, and commit; alone it needs no BEGIN and no COMMIT.

        Raises for a transaction that an error had doomed: its COMMIT is a ROLLBACK, and says so softly.
        """
        if last is not None:
            await self.ask(*last)
        if not self.begun:
            return
        try:
            done = await self._driver.execute("COMMIT")
        except ERRORS as error:
            raise self._told("COMMIT", error) from error
        if done != "COMMIT":
            raise self._told("COMMIT", asyncpg.InFailedSQLTransactionError("rolled back: a statement had failed"))

    async def undo(self) -> None:
        """Roll back; a connection on which that fails, or that has kept silent too long before, is not used again."""
        try:
            if self._silent:
                await self._lent.give_up()
            elif self.begun:
                await self._driver.execute("ROLLBACK", timeout=ROLLBACK_SECONDS)
        except ERRORS:
            await self._lent.give_up()
        finally:
            await self.close()

    async def close(self) -> None:
        """End what was opened here on the connection."""
        if self._session is not None:
            await self._session.close()
            self._lent.info.pop(OURS, None)

    def _told(self, sql: str, error: BaseException) -> DBAPIError:
        self._silent = self._silent or isinstance(error, TimeoutError)
        kind: type[DBAPIError] = DBAPIError
        if isinstance(error, asyncpg.IntegrityConstraintViolationError):
            kind = IntegrityError
        elif isinstance(error, asyncpg.InterfaceError):
            kind = InterfaceError
        elif isinstance(error, OSError):
            kind = OperationalError
        return kind(sql, None, error, hide_parameters=True, connection_invalidated=self._driver.is_closed())


def join_transactions(engine: Engine) -> None:
    """Have a session's first statement open the transaction that it works in, if nothing has done so before."""

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        ours: Transaction | None = connection.info.get(OURS)
        if ours is not None and not ours.begun:
            connection.connection.run_async(lambda _driver: ours.begin())
