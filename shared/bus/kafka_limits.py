"""The limits on every wait for a Kafka client, and the words for what it raises."""

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from shared.bus.transport import TransportUnavailable

REQUEST_SECONDS = 5.0
STOP_SECONDS = 1.5


async def end(stopping: Awaitable[None]) -> None:
    """Wait for a client's `stop`, no longer than the limit; what it raises no longer matters."""
    task = asyncio.ensure_future(stopping)
    await asyncio.wait([task], timeout=STOP_SECONDS)
    if not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=STOP_SECONDS)
    if task.done() and not task.cancelled():
        task.exception()


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Say TransportUnavailable for everything that a dead broker makes the client raise."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as gone:
        raise TransportUnavailable(f"Kafka: {what}: {gone!r}") from gone
