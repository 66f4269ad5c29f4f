"""A taken port is one sentence, and a signal in the middle of a start is the end of the start."""

import asyncio
import socket

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from shared.service.protocol import MAX_HEAD_BYTES
from shared.service.server import PortTaken, Stopped, listen, serving, unless_stopped


def test_a_taken_port_names_itself_and_what_moves_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} .*set LANTAI_PORT") as told:
            listen("127.0.0.1", port, "LANTAI_PORT")
    assert "\n" not in str(told.value)


def test_port_zero_takes_a_free_one() -> None:
    with listen("127.0.0.1", 0, "--port") as taken:
        assert taken.getsockname()[1] > 0


async def test_work_that_ends_first_gives_its_result() -> None:
    async def work() -> int:
        return 7

    assert await unless_stopped(asyncio.Event(), work()) == 7


async def test_a_failure_of_the_work_is_the_failure() -> None:
    async def work() -> None:
        raise ValueError("damaged")

    with pytest.raises(ValueError, match="damaged"):
        await unless_stopped(asyncio.Event(), work())


async def test_a_stop_cancels_the_work_and_waits_for_it() -> None:
    stop = asyncio.Event()
    cleaned = []

    async def work() -> None:
        try:
            stop.set()
            await asyncio.Event().wait()
        finally:
            cleaned.append("yes")

    with pytest.raises(Stopped):
        await unless_stopped(stop, work())
    assert cleaned == ["yes"]


async def _length_of_body(scope: Scope, receive: Receive, send: Send) -> None:
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message["body"]), message["more_body"]
    await PlainTextResponse(str(length))(scope, receive, send)


async def _answer(*pieces: bytes) -> bytes:
    """What the server says until it closes the connection."""
    with listen("127.0.0.1", 0, "--port") as taken:
        async with serving(_length_of_body, taken):
            reader, writer = await asyncio.open_connection(*taken.getsockname())
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.05)  # long enough to be read for itself
            answer = await reader.read()
            writer.close()
    return answer


async def test_a_head_that_does_not_end_is_refused() -> None:
    answer = await _answer(b"GET / HTTP/1.1\r\nx-endless: ", b"x" * (MAX_HEAD_BYTES + 1))
    assert answer.startswith(b"HTTP/1.1 400")


async def test_a_long_body_after_a_head_in_pieces_is_not_taken_for_its_head() -> None:
    head = [b"POST / HTTP/1.1\r\nconnection: close\r\n", b"content-length: %d\r\n\r\n" % (2 * MAX_HEAD_BYTES)]
    answer = await _answer(*head, b"x" * MAX_HEAD_BYTES, b"x" * MAX_HEAD_BYTES)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"\r\n\r\n%d" % (2 * MAX_HEAD_BYTES))
