"""A refusal as a page, for people: outside `/api/`, a browser is shown a problem's Chinese text instead of its JSON.

Status and headers stay; only the body and its type change.
"""

from html import escape

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.http.problems import MEDIA_TYPE

PAGE = """<!DOCTYPE html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body{{font-family:sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem;line-height:1.7}}
small{{color:#666}}</style></head>
<body><h1>{title}</h1><p>{detail}</p><p><a href="javascript:history.back()">返回上一页</a></p>
<p><small>请求编号：{request_id}</small></p></body></html>
"""


class ProblemPages:
    """Wraps a service's application, outside the edge, so that the edge's own refusals are pages too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/api/") or not _is_browser(scope):
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_page(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_problem(message):
                held = message
            elif held is None:
                await send(message)
            else:
                page = _page(message["body"])  # a problem is always one message
                kept = [(k, v) for k, v in held["headers"] if k not in (b"content-type", b"content-length")]
                kept += [(b"content-type", b"text/html; charset=utf-8"), (b"content-length", b"%d" % len(page))]
                await send({**held, "headers": kept})
                await send({"type": "http.response.body", "body": page})

        await self._app(scope, receive, send_page)


def _is_browser(scope: Scope) -> bool:
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _is_problem(message: Message) -> bool:
    return (b"content-type", MEDIA_TYPE.encode()) in message.get("headers", ())


def _page(body: bytes) -> bytes:
    shown = {name: escape(str(value)) for name, value in orjson.loads(body).items()}
    filled = {name: shown.get(name, "") for name in ("title", "detail", "request_id")}
    return PAGE.format_map(filled).encode()
