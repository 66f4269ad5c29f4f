"""A visitor who is asked to come later comes later, and is not asked for more patience than anybody has."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from services.cli.portal import COMES_AGAIN, Portal, Refused


@contextmanager
def busy(times: int) -> Iterator[tuple[str, list[str]]]:
    """A server that turns a visitor away so many times; its address, and the keys of the requests that it saw."""
    seen: list[str] = []

    class Counter(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(self.headers["Idempotency-Key"])
            self.send_response(429 if len(seen) <= times else 201)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"code": "too_many_requests"}')

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Counter) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def portals() -> Iterator[list[Portal]]:
    opened: list[Portal] = []
    yield opened
    for portal in opened:
        portal.close()


def test_it_comes_again_with_the_same_request(portals: list[Portal]) -> None:
    with busy(2) as (address, seen):
        portals.append(Portal(address))
        portals[0].public.create("/api/requests/v1/applications", {})
    assert len(seen) == 3 and len(set(seen)) == 1


def test_it_gives_up_in_the_end(portals: list[Portal]) -> None:
    with busy(1_000) as (address, seen):
        portals.append(Portal(address))
        with pytest.raises(Refused) as refused:
            portals[0].public.create("/api/requests/v1/applications", {})
    assert (refused.value.status, len(seen)) == (429, 1 + COMES_AGAIN)
