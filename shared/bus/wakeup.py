"""Waking those who wait for rows: LISTEN on a connection of its own, NOTIFY outside every business transaction.

A lost notice costs time, never a row: whoever waits here also polls.
"""

import asyncio
from collections.abc import Iterable

import asyncpg
import structlog

from shared.db import direct
from shared.telemetry.lasting import Lasting
from shared.telemetry.reasons import in_words

log = structlog.get_logger(__name__)
RECONNECT_SECONDS = 1.0
NOTIFY = "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS payload"


class Listener:
    """Keeps one LISTEN connection alive, and sets the events of those who wait for a payload."""

    def __init__(self, url: str, channel: str, application: str) -> None:
        self._url = url
        self._channel = channel
        self._application = application
        self._waiting: dict[asyncio.Event, frozenset[str]] = {}
        self._task: asyncio.Task[None] | None = None
        self._away = Lasting()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"listen-{self._channel}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1.5)
            self._task = None

    def wait_for(self, payloads: Iterable[str]) -> asyncio.Event:
        """Return an event that is set whenever one of the payloads is notified; the caller clears it."""
        event = asyncio.Event()
        self._waiting[event] = frozenset(payloads)
        return event

    def forget(self, event: asyncio.Event) -> None:
        self._waiting.pop(event, None)

    async def notify(self, connection: asyncpg.Connection, payloads: list[str]) -> None:
        """Tell every listener of this channel, here and in other processes."""
        await connection.execute(NOTIFY, self._channel, payloads)

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: str) -> None:
        for event, payloads in self._waiting.items():
            if payload in payloads:
                event.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except direct.UNREACHABLE as gone:
                if self._away.to_be_told(reason := in_words(gone, repr(gone))):
                    log.warning("listener lost", channel=self._channel, reason=reason)
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await direct.connect(self._url, self._application)
        ended = asyncio.Event()
        try:
            # A killed listener raises nothing by itself: the termination callback is the only sign.
            connection.add_termination_listener(lambda _: ended.set())
            await connection.add_listener(self._channel, self._heard)
            if self._away.ended():
                log.info("listener is back", channel=self._channel)
            for event in self._waiting:
                event.set()
            await ended.wait()
        finally:
            await direct.close(connection)
