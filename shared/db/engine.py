"""A service's database: its connection budget, read sessions, and the unit of work that commits before the answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import NullPool
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from shared.db.clock import ASK_NOW, know_now
from shared.db.driver import Transaction, join_transactions
from shared.db.lending import Connections, Lent, left
from shared.db.reckoning import ReckonedClock
from shared.db.sessions import ReadSession
from shared.db.silence import NoAnswer, Silence
from shared.db.uow import TIME, Actor, Presumption, Question, UnitOfWork


class Database:
    """One pool for one service. Times out rather than hangs: connecting, waiting for a lock and running a statement.

    Units: seconds in names ending so, milliseconds likewise.
    """

    def __init__(
        self,
        url: str,
        service: str,
        *,
        pool_size: int = 10,
        pool_timeout_seconds: float = 5,
        connect_timeout_seconds: float = 3,
        statement_timeout_ms: int = 15_000,
        lock_timeout_ms: int = 5_000,
    ) -> None:
        self.service = service
        self.url = url
        parsed = make_url(url).set(drivername="postgresql+asyncpg")
        self.engine: AsyncEngine = create_async_engine(
            parsed,
            poolclass=NullPool,  # whoever wants one asks `Connections`
            isolation_level="AUTOCOMMIT",  # a unit of work's transaction is the driver's own, reads need none
            hide_parameters=True,  # an error's text must not hold what a citizen wrote
            connect_args={
                "timeout": connect_timeout_seconds,
                "command_timeout": statement_timeout_ms / 1000 + 2,  # for a server that is stopped, not dead
                "server_settings": {
                    "application_name": f"lantai-{service}",
                    "statement_timeout": str(statement_timeout_ms),
                    "lock_timeout": str(lock_timeout_ms),
                    # A process that is frozen in the middle keeps its rows no longer than its leases elsewhere.
                    "idle_in_transaction_session_timeout": "10000",
                    "timezone": "UTC",
                },
            },
        )
        join_transactions(self.engine.sync_engine)
        self._connections = Connections(self.engine, pool_size, pool_timeout_seconds)
        self._clock = ReckonedClock()
        self._silence = Silence()
        self._wakers: list[Callable[[], bool]] = []

    def on_commit(self, wake: Callable[[], bool]) -> None:
        """Call `wake` after every commit that wrote events, unless one that was added later said that it will do."""
        self._wakers.insert(0, wake)

    @asynccontextmanager
    async def write(
        self, actor: Actor, asking: Question | Presumption = TIME, *, within_seconds: float | None = None
    ) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work; leaving the block commits it, an exception rolls it back.

        What it has to know first can be asked with the time, in one round trip. `within_seconds` limits the opening:
        the wait for a connection, and for the first answer.
        """
        async with self._asking(within_seconds):
            lent, transaction, uow = await self._begun(actor, asking, within_seconds)
        try:
            yield uow
            await uow.commit()
        except BaseException:
            await asyncio.shield(self._put_back(lent, transaction.undo()))
            raise
        if transaction.has_session:
            await asyncio.shield(self._put_back(lent, transaction.close()))
        else:  # nothing to wait for
            await self._connections.give(lent)
        if uow.wakes_relay:
            any(wake() for wake in self._wakers)

    def _asking(self, within_seconds: float | None) -> AbstractAsyncContextManager[None]:
        """Stands around an opening; one without a limit waits, and tells nothing."""
        return nullcontext() if within_seconds is None else self._silence.asking()

    async def _begun(
        self, actor: Actor, asking: Question | Presumption, within_seconds: float | None
    ) -> tuple[Lent, Transaction, UnitOfWork]:
        """Take a connection and ask the first question on it."""
        began = time.monotonic()
        lent = await self._connections.take(within_seconds)
        transaction = Transaction(lent)
        try:
            within_seconds = left(within_seconds, began)
            uow = await UnitOfWork.begun_with(transaction, self.service, actor, asking, self._clock, within_seconds)
        except BaseException:
            await asyncio.shield(self._put_back(lent, transaction.undo()))
            raise
        return lent, transaction, uow

    @asynccontextmanager
    async def read(self, *, within_seconds: float | None = None) -> AsyncIterator[ReadSession]:
        """Open a read session. Within a limit its connection is tried too, by asking the time (`read_now`)."""
        async with self._asking(within_seconds):
            lent, session = await self._reading(within_seconds)
        try:
            yield session
        finally:
            await asyncio.shield(self._put_back(lent, session.close()))

    async def _reading(self, within_seconds: float | None) -> tuple[Lent, ReadSession]:
        """Take a connection and try it, if there is a limit."""
        began = time.monotonic()
        lent = await self._connections.take(within_seconds)
        session = ReadSession(lent.connection, autoflush=False)
        if within_seconds is not None:
            transaction = Transaction(lent)
            try:
                (told,) = await transaction.ask(ASK_NOW, (), left(within_seconds, began))
            except BaseException as error:
                await asyncio.shield(self._put_back(lent, transaction.undo()))
                if isinstance(error, DBAPIError) and isinstance(error.orig, TimeoutError):
                    raise NoAnswer("no answer from the database in time") from None
                raise
            know_now(session, told["now"])
        return lent, session

    async def _put_back(self, lent: Lent, ending: Coroutine[Any, Any, None]) -> None:
        """End what was opened on a connection, and only then let it be lent again, however often its user is cut."""
        try:
            await ending
        finally:
            await self._connections.give(lent)

    @property
    def lent(self) -> int:
        """How many connections are in use."""
        return self._connections.lent

    async def dispose(self) -> None:
        """Close every connection."""
        await self._connections.close()
        await self.engine.dispose()
