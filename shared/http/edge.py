"""The outermost layer of a service: request id, trace, body limit, access log, metrics, and the last resort.

Plain ASGI, since it is paid by every request. Log lines and metrics name the route's template, never the path or the
query, which may hold a receipt number or a secret code.
"""

import asyncio
import time
from collections.abc import Mapping

import structlog
from fastapi import HTTPException
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.failures import answer_failure
from shared.http.problems import of_status, problem
from shared.telemetry import correlation, trace
from shared.telemetry.metrics import Metrics

QUIET_ROUTES = ("/healthz", "/readyz", "/metrics")
FIXED_HEADERS = ((b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer"))
NO_STORE = (b"cache-control", b"no-store")  # an answer may hold personal data unless its route says otherwise

log = structlog.get_logger()


class Edge:
    """Wraps a service's application."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, max_body_bytes: int) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._requests = metrics.counter("http_requests", "HTTP requests answered", ("method", "route", "status"))
        self._seconds = metrics.histogram("http_request_seconds", "Time to answer", ("method", "route"))
        self._samples: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        proposed, traceparent = _text(headers, b"x-request-id"), _text(headers, b"traceparent")
        with correlation.request(proposed) as request_id, trace.use(traceparent):
            await self._answer(scope, receive, send, request_id, headers)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, request_id: str, headers: Mapping[bytes, bytes]
    ) -> None:
        started = time.perf_counter()
        status = 0

        async def send_marked(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                sent = list(message.get("headers", ()))
                sent += [(b"x-request-id", request_id.encode()), *FIXED_HEADERS]
                if not any(name == b"cache-control" for name, _ in sent):
                    sent.append(NO_STORE)
                message["headers"] = sent
            await send(message)

        try:
            if self._declares_too_much(headers):
                await of_status(413, self._limit_said())(scope, receive, send_marked)
            else:
                await self._app(scope, self._limited(receive), send_marked)
        except asyncio.CancelledError:
            if status:
                raise
            # Only the server that stops cancels us. Whether the command was committed its key will tell.
            await problem(503, "stopping", "服务正在停止，请稍后重试", headers={"Retry-After": "1"})(
                scope, receive, send_marked
            )
        except Exception as error:
            response = answer_failure(error, scope["method"])
            if status:
                raise  # half an answer is out: only closing the connection tells the caller
            await response(scope, receive, send_marked)
        finally:
            self._observe(scope, status, time.perf_counter() - started)

    def _declares_too_much(self, headers: Mapping[bytes, bytes]) -> bool:
        length = headers.get(b"content-length", b"")
        return length.isdigit() and int(length) > self._max_body_bytes

    def _limited(self, receive: Receive) -> Receive:
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > self._max_body_bytes:
                    raise HTTPException(413, self._limit_said())
            return message

        return counted

    def _limit_said(self) -> str:
        return f"请求正文不得超过 {self._max_body_bytes} 字节。"

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        route = str(getattr(scope.get("route"), "path", "unmatched"))
        method = scope["method"] if route != "unmatched" else "any"
        count, duration = self._sampled(method, route, status)
        count.inc()
        duration.observe(seconds)
        if route not in QUIET_ROUTES:
            log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))

    def _sampled(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Return the two series of an answer; finding them by their labels costs more than counting."""
        key = (method, route, status)
        if key not in self._samples:
            self._samples[key] = self._requests.labels(method, route, str(status)), self._seconds.labels(method, route)
        return self._samples[key]


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return value.decode("latin-1") if value is not None else None
