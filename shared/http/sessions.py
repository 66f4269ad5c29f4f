"""Sessions as routes ask for them: `uow: Write` or `session: Read` (one that creates: `shared.http.idempotency`).

`scope="function"` is what keeps the promise: the block ends, and so the commit happens, before the first byte of the
answer is sent. The default scope commits after the answer, and a failed commit would still say 201.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import Depends, Request

from shared.auth import caller
from shared.db.engine import Database
from shared.db.sessions import ReadSession
from shared.db.uow import PUBLIC, TIME, Question, UnitOfWork

OPEN_SECONDS = 3.0  # a server that is stopped rather than dead accepts connections and says nothing


async def writing(request: Request, asking: Question = TIME) -> AbstractAsyncContextManager[UnitOfWork]:
    """Return a unit of work to be opened, in the name of the caller: staff, another service, or the public."""
    who = await caller(request)
    db: Database = request.app.state.deps.db
    return db.write(who.actor if who else PUBLIC, asking, within_seconds=OPEN_SECONDS)


async def write_uow(request: Request) -> AsyncIterator[UnitOfWork]:
    """Open the unit of work of a route."""
    async with await writing(request) as uow:
        yield uow


async def read_session(request: Request) -> AsyncIterator[ReadSession]:
    """Open a read session that knows its time, which also tries its connection."""
    async with request.app.state.deps.db.read(within_seconds=OPEN_SECONDS) as session:
        yield session


Write = Annotated[UnitOfWork, Depends(write_uow, scope="function")]
Read = Annotated[ReadSession, Depends(read_session, scope="function")]
