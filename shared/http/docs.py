"""API documents that work without the internet: scripts and styles are served by ourselves.

The files come with the `fastapi-offline` package; everything lies under the service's own prefix.
"""

from pathlib import Path

import fastapi_offline
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

ASSETS = Path(str(fastapi_offline.__file__)).parent / "static"


def add_docs(app: FastAPI, prefix: str) -> None:
    """Serve `<prefix>/docs` for the document at `<prefix>/openapi.json`."""
    assets = f"{prefix}/docs/assets"
    app.mount(assets, StaticFiles(directory=ASSETS), name="docs-assets")

    @app.get(f"{prefix}/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url=f"{prefix}/openapi.json",
            title=f"{app.title}：接口文档",
            swagger_js_url=f"{assets}/swagger-ui-bundle.js",
            swagger_css_url=f"{assets}/swagger-ui.css",
            swagger_favicon_url=f"{assets}/favicon.png",
        )
        page.headers["Cache-Control"] = "no-cache"
        return page
