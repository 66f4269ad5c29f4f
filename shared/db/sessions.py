"""Read and write sessions are distinct types, so that a query can be given either and a command only a unit of work."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession


class ReadSession(AsyncSession):
    """Reads only, each statement on its own (AUTOCOMMIT); a write or a commit is a programming error."""

    async def flush(self, objects: Any = None) -> None:
        raise TypeError("a read session does not write")

    async def commit(self) -> None:
        raise TypeError("a read session does not commit")


class WriteSession(AsyncSession):
    """The session inside a unit of work, which alone begins and commits."""

    async def commit(self) -> None:
        raise TypeError("only the unit of work commits")


AnySession = ReadSession | WriteSession
