"""A service's database: its connection budget, read sessions, and the unit of work that commits before the answer."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from shared.db.driver import Transaction
from shared.db.sessions import ReadSession
from shared.db.uow import TIME, Actor, Question, UnitOfWork

PING_AFTER_IDLE_SECONDS = 1.0


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
            pool_size=pool_size,
            max_overflow=0,  # a connection beyond the pool would be made and closed again for a moment's crowd
            pool_use_lifo=True,  # the few that are warm do the work
            pool_timeout=pool_timeout_seconds,
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
        _ping_what_idled(self.engine.sync_engine)
        self._turns = asyncio.Semaphore(pool_size)
        self._turn_seconds = pool_timeout_seconds
        self._read = async_sessionmaker(self.engine, class_=ReadSession, autoflush=False)
        self._callbacks: list[Callable[[], None]] = []

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call `callback` after every commit that wrote events: the relay's wake-up."""
        self._callbacks.append(callback)

    @asynccontextmanager
    async def write(self, actor: Actor, asking: Question = TIME) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work; leaving the block commits it, an exception rolls it back.

        What it has to know first can be asked with the time, in one round trip.
        """
        async with self._turn():
            transaction = Transaction(await self.engine.connect())
            try:
                uow = await UnitOfWork.begun(transaction, self.service, actor, asking)
                yield uow
                await uow.flush()
                await transaction.commit()
            except BaseException:
                await asyncio.shield(transaction.undo())
                raise
            await transaction.close()
        if uow.wakes_relay:
            for callback in self._callbacks:
                callback()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """Open a read session."""
        async with self._turn(), self._read() as session:
            yield session

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for a connection in the order of coming: the pool itself gives a free one to whoever asks first."""
        if self._turns.locked():
            try:
                async with asyncio.timeout(self._turn_seconds):
                    await self._turns.acquire()
            except TimeoutError:
                raise PoolTimeout(f"no connection was free for {self._turn_seconds} s") from None
        else:
            await self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release()

    async def dispose(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


def _ping_what_idled(engine: Engine) -> None:
    """Try a pooled connection before it is used if it has idled for a while: the server may have gone meanwhile.

    A ping is three round trips, so a busy connection is spared it: who opens a session asks the time first, under a
    time limit, and that is as good a question. One whose server closed it is known without asking.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def look(connection: Any, record: Any, _proxy: Any) -> None:
        if record.driver_connection.is_closed():
            raise InvalidatePoolError
        if time.monotonic() - record.info.pop("idle_since", float("inf")) < PING_AFTER_IDLE_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error
