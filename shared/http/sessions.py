"""Sessions as routes ask for them: `uow: Write` or `session: Read` (one that creates: `shared.http.idempotency`).

`scope="function"` is what keeps the promise: the block ends, and so the commit happens, before the first byte of the
answer is sent. The default scope commits after the answer, and a failed commit would still say 201.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request

from shared.auth import caller
from shared.db.clock import read_now
from shared.db.engine import Database
from shared.db.sessions import ReadSession
from shared.db.uow import PUBLIC, TIME, Question, UnitOfWork
from shared.http.failures import DatabaseUnavailable

OPEN_SECONDS = 3.0  # a server that is stopped rather than dead accepts connections and says nothing

T = TypeVar("T")


@asynccontextmanager
async def writing(request: Request, asking: Question = TIME) -> AsyncIterator[UnitOfWork]:
    """Open a unit of work in the name of the caller: staff, another service, or the public."""
    who = await caller(request)
    async with _Opening(request.app.state.deps.db.write(who.actor if who else PUBLIC, asking)) as uow:
        yield uow


async def write_uow(request: Request) -> AsyncIterator[UnitOfWork]:
    """Open the unit of work of a route."""
    async with writing(request) as uow:
        yield uow


async def read_session(request: Request) -> AsyncIterator[ReadSession]:
    """Open a read session that knows its time, which also tries its connection."""
    async with _Opening(_timed(request.app.state.deps.db)) as session:
        yield session


@asynccontextmanager
async def _timed(db: Database) -> AsyncIterator[ReadSession]:
    async with db.read() as session:
        await read_now(session)
        yield session


class _Opening(AbstractAsyncContextManager[T]):
    """Opens what it is given, within a time limit."""

    def __init__(self, manager: AbstractAsyncContextManager[T]) -> None:
        self._manager = manager

    async def __aenter__(self) -> T:
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                return await self._manager.__aenter__()
        except TimeoutError:
            raise DatabaseUnavailable from None

    async def __aexit__(self, *raised: Any) -> bool | None:
        return await self._manager.__aexit__(*raised)


Write = Annotated[UnitOfWork, Depends(write_uow, scope="function")]
Read = Annotated[ReadSession, Depends(read_session, scope="function")]
