"""The start page at `/`, in Chinese, without scripts: services and their docs, sample cases, sent mail, numbers."""

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, PackageLoader
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

from services.start_page import samples

_pages = Environment(loader=PackageLoader("services.start_page"), autoescape=True, trim_blocks=True)


def start_page(
    services: Mapping[str, str],
    *,
    samples_file: Path | None = None,
    development: bool = False,
    operations: bool = False,
) -> Starlette:
    """Return the application. `services`: name to Chinese title. `development` shows the mailbox and token issuer,

    `operations` the health and metrics pages (behind the gateway they are not public).
    """

    async def page(request: Request) -> HTMLResponse:
        text = _pages.get_template("start.html").render(
            services=services,
            cases=samples.read(samples_file),
            development=development,
            operations=operations,
        )
        return HTMLResponse(text, headers={"Cache-Control": "no-cache"})

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/", page), Route("/healthz", healthz)])
