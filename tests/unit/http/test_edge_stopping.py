"""A server that stops cancels the answers that are under way: whoever waits is told to come back, not that it broke."""

import asyncio

from starlette.types import Message, Receive, Scope, Send

from shared.http.edge import Edge
from shared.telemetry.metrics import Metrics

SCOPE = {"type": "http", "method": "POST", "path": "/", "headers": []}


async def call(begin_answer: bool) -> tuple[asyncio.Task[None], list[Message]]:
    """Call an application that never comes to its end, and cancel it when it is in the middle."""
    sent: list[Message] = []
    under_way = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        if begin_answer:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        under_way.set()
        await asyncio.Event().wait()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    edge = Edge(app, metrics=Metrics("tests"), max_body_bytes=1000)
    task = asyncio.create_task(edge(dict(SCOPE), receive, send))
    await under_way.wait()
    task.cancel()
    await asyncio.wait([task])
    return task, sent


async def test_who_waits_is_told_to_come_back() -> None:
    task, sent = await call(begin_answer=False)
    start = next(message for message in sent if message["type"] == "http.response.start")
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
    assert not task.cancelled() and task.exception() is None


async def test_half_an_answer_is_cut() -> None:
    task, sent = await call(begin_answer=True)
    assert task.cancelled()
    assert [message.get("status") for message in sent] == [200]
