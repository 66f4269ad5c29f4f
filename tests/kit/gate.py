"""A door before the database, to be without it in the ways that a network knows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from sqlalchemy.engine import make_url


class Gate:
    """A TCP door before the database that can be shut: connections are cut and new ones refused."""

    def __init__(self, socket: Path) -> None:
        self._behind = socket
        self._open: list[asyncio.StreamWriter] = []
        self.port = 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def shut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_unix_connection(self._behind)
        self._open += [writer, inner_writer]
        await asyncio.gather(self._pump(reader, inner_writer), self._pump(inner_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self.flowing.wait()
                writer.write(data)
                await writer.drain()
            writer.close()
        except OSError:
            writer.transport.abort()


AnyGate = TypeVar("AnyGate", bound=Gate)


@asynccontextmanager
async def behind(kind: type[AnyGate], url: str) -> AsyncIterator[tuple[AnyGate, str]]:
    """Open a gate before the database at `url`, which is reached by a socket; give it, and the URL through it."""
    direct = make_url(url)
    gate = kind(Path(str(direct.query["host"])) / ".s.PGSQL.5432")
    await gate.open()
    try:
        yield gate, direct.set(host="127.0.0.1", port=gate.port, query={}).render_as_string(hide_password=False)
    finally:
        await gate.shut()
