"""A taken port is one sentence, and a signal in the middle of a start is the end of the start."""

import asyncio
import socket

import pytest

from shared.service.server import PortTaken, Stopped, listen, unless_stopped


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
