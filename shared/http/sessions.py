"""Sessions as routes ask for them: `uow: Write` or `session: Read`.

`scope="function"` is what keeps the promise: the block ends, and so the commit happens, before the first byte of the
answer is sent. The default scope commits after the answer, and a failed commit would still say 201.
"""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request

from shared.auth import Caller
from shared.db.sessions import ReadSession
from shared.db.uow import PUBLIC, UnitOfWork


async def write_uow(request: Request, who: Caller) -> AsyncIterator[UnitOfWork]:
    """Open a unit of work in the name of the caller: staff, another service, or the public."""
    async with request.app.state.deps.db.write(who.actor if who else PUBLIC) as uow:
        yield uow


async def read_session(request: Request) -> AsyncIterator[ReadSession]:
    """Open a read session."""
    async with request.app.state.deps.db.read() as session:
        yield session


Write = Annotated[UnitOfWork, Depends(write_uow, scope="function")]
Read = Annotated[ReadSession, Depends(read_session, scope="function")]
