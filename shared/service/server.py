"""Serving an ASGI application until told to stop: the socket is taken first, so that a taken port is one sentence.

Signals set an event; nothing here ends the process, so its parts are closed in order and the exit code is ours.
"""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from shared.service.protocol import HeadLimited

T = TypeVar("T")

OPEN_ANSWERS_SECONDS = 2  # how long an answer that is under way may take after the signal


class PortTaken(RuntimeError):
    """The address cannot be listened on; the message says what to do."""


class _Server(uvicorn.Server):
    """Leaves the signals to us."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int, setting: str) -> socket.socket:
    """Return a listening socket; port 0 takes a free one. `setting` names what moves it elsewhere."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(2048)
    except OSError as error:
        listening.close()
        raise PortTaken(
            f"port {port} on {host} cannot be used ({error.strerror}): stop what uses it, or set {setting}."
        ) from error
    listening.setblocking(False)
    return listening


def until_signalled() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


class Stopped(Exception):
    """The signal came before the work was done."""


async def unless_stopped(stop: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; when `stop` is set before, cancel it and raise Stopped."""
    task, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait({task})
        raise Stopped
    return task.result()


@asynccontextmanager
async def serving(app: ASGIApp, listening: socket.socket, *, trusted_proxies: str = "") -> AsyncIterator[None]:
    """Answer on `listening` for the length of the block, then finish what is under way. Lifespans are the caller's."""
    server = _Server(
        uvicorn.Config(
            app,
            http=HeadLimited,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or None,
            timeout_graceful_shutdown=OPEN_ANSWERS_SECONDS,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
