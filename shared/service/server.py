"""Serving an ASGI application until told to stop: the socket is taken first, so that a taken port is one sentence.

Signals set an event; nothing here ends the process, so its parts are closed in order and the exit code is ours.
"""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

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


async def serve(app: ASGIApp, listening: socket.socket, stop: asyncio.Event, *, trusted_proxies: str = "") -> None:
    """Answer on `listening` until `stop` is set, then finish what is under way. Lifespans are the caller's."""
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(trusted_proxies),
            forwarded_allow_ips=trusted_proxies or None,
            timeout_graceful_shutdown=OPEN_ANSWERS_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving
