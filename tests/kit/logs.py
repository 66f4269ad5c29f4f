"""What a process logs, read back."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from shared.telemetry.logging import configure


@contextmanager
def logged(service: str) -> Iterator[io.StringIO]:
    """Log as the process of `service` does, into the stream that is given; afterwards all is as before."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure(service, stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    """Return what was logged, line by line."""
    return [json.loads(line) for line in output.getvalue().splitlines()]
