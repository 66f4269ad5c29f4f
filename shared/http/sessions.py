"""Sessions as routes ask for them: `uow: Write` or `session: Read` (one that creates: `shared.http.idempotency`).

`scope="function"` is what keeps the promise: the block ends, and so the commit happens, before the first byte of the
answer is sent. The default scope commits after the answer, and a failed commit would still say 201.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from shared.auth import caller
from shared.db.clock import read_now
from shared.db.sessions import ReadSession
from shared.db.uow import PUBLIC, TIME, Question, UnitOfWork
from shared.http.failures import DatabaseUnavailable

OPEN_SECONDS = 3.0  # a server that is stopped rather than dead accepts connections and says nothing

T = TypeVar("T")


@asynccontextmanager
async def writing(request: Request, asking: Question = TIME) -> AsyncIterator[UnitOfWork]:
    """Open a unit of work in the name of the caller: staff, another service, or the public."""
    who = await caller(request)
    async with AsyncExitStack() as stack:
        db = request.app.state.deps.db
        yield await _opened(stack, db.write(who.actor if who else PUBLIC, asking))


async def write_uow(request: Request) -> AsyncIterator[UnitOfWork]:
    """Open the unit of work of a route."""
    async with writing(request) as uow:
        yield uow


async def read_session(request: Request) -> AsyncIterator[ReadSession]:
    """Open a read session that knows its time, which also tries its connection."""
    async with AsyncExitStack() as stack:
        yield await _opened(stack, request.app.state.deps.db.read())


async def _opened(stack: AsyncExitStack, manager: AbstractAsyncContextManager[T]) -> T:
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            session = await stack.enter_async_context(manager)
            if isinstance(session, ReadSession):
                await read_now(session)
            return session
    except TimeoutError:
        raise DatabaseUnavailable from None


Write = Annotated[UnitOfWork, Depends(write_uow, scope="function")]
Read = Annotated[ReadSession, Depends(read_session, scope="function")]
