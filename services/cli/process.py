"""How a command becomes a serving process: logs, a socket, and failures told in one sentence."""

import socket
import sys
from collections.abc import Coroutine
from typing import Any

from services.cli.failure import Failed
from shared.bus.transport import TransportError
from shared.service import loop
from shared.service.provisioning import NoDatabase
from shared.service.server import PortTaken, listen
from shared.telemetry import logging


def listening(host: str, port: int, setting: str = "--port") -> socket.socket:
    """Take the address; a taken one ends the command."""
    try:
        return listen(host, port, setting)
    except PortTaken as taken:
        raise Failed(str(taken)) from None


def run(name: str, work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; logs go to stderr, as JSON unless a person is looking."""
    logging.configure(name, json=not sys.stderr.isatty())
    try:
        loop.run(work)
    except (NoDatabase, TransportError) as error:
        raise Failed(str(error)) from None
