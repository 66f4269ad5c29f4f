"""The id of the request at hand: taken from the caller when it is harmless, made otherwise; in every log line."""

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ACCEPTED = re.compile(r"[A-Za-z0-9_-]{8,64}")

_request_id: ContextVar[str | None] = ContextVar("lantai_request_id", default=None)


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
