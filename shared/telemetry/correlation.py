"""What every log line says of its origin: the request at hand, and the service where a process runs several.

A request's id is taken from the caller when it is harmless, and made otherwise.
"""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ACCEPTED = re.compile(r"[A-Za-z0-9_-]{8,64}")

_request_id: ContextVar[str | None] = ContextVar("lantai_request_id", default=None)
_service: ContextVar[str | None] = ContextVar("lantai_service", default=None)


def current_service() -> str | None:
    """Return the service that is at work, or None where the process is that of one."""
    return _service.get()


@contextmanager
def service(name: str) -> Iterator[None]:
    """Bind a service's name for the block, and for the tasks that are begun in it."""
    token = _service.set(name)
    try:
        yield
    finally:
        _service.reset(token)


def current_request_id() -> str | None:
    """Return the id of the request that is being answered, or None outside one."""
    return _request_id.get()


@contextmanager
def request(proposed: str | None) -> Iterator[str]:
    """Bind a request id for the block: `proposed` if it is well-formed, else a new random one."""
    request_id = proposed if proposed and ACCEPTED.fullmatch(proposed) else f"{random.getrandbits(128):032x}"
    token = _request_id.set(request_id)
    try:
        yield request_id
    finally:
        _request_id.reset(token)
