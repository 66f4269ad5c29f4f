"""The public status: as JSON, and as a plain page. Both are rate-limited; the code travels in a body, never a URL."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup

from services.requests.applications.answers import AtDesk
from services.requests.applications.rules import CLOSED_STATES
from services.requests.clock.labels import DECREES, REGULATIONS
from services.requests.clock.page import render_table
from services.requests.status.queries import status_of
from services.requests.status.schemas import StatusBody, StatusInput, status_body
from shared.calendar import SHANGHAI
from shared.errors import NotFound
from shared.http.openapi import PUBLIC
from shared.http.problems import responses
from shared.http.sessions import Read

CONTENT_SECURITY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"

router = APIRouter(tags=["办理进度查询"])
page = APIRouter()
_pages = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(),
    trim_blocks=True,
)


@router.post("/status", summary="凭编号和查询码查询办理进度", openapi_extra=PUBLIC, responses=responses(404))
async def read_status(body: StatusInput, session: Read, desk: AtDesk) -> StatusBody:
    """Show a case to whoever holds its number and code; anything else is 404."""
    return status_body(await status_of(session, desk, body.receipt_number, body.code), desk)


@page.get("/status", openapi_extra=PUBLIC)
async def status_form() -> Response:
    """Show the form."""
    return _page(receipt_number="")


@page.post("/status", openapi_extra=PUBLIC)
async def status_result(
    session: Read, desk: AtDesk, receipt_number: Annotated[str, Form()] = "", code: Annotated[str, Form()] = ""
) -> Response:
    """Show the case, or the form again."""
    number = receipt_number.replace("\x00", "")[:100]
    try:
        status = await status_of(session, desk, number, code[:40])
    except NotFound as error:
        return _page(404, problem=error.detail, receipt_number=number)
    body, reading = status_body(status, desk), status.view.reading(desk)
    return _page(
        status=body,
        regulation=REGULATIONS[body.clock.regulation] if body.clock.regulation else None,
        decree=DECREES[body.clock.regulation] if body.clock.regulation else None,
        closed=body.state in CLOSED_STATES,
        registered_at=body.registered_at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"),
        ledger=None if reading is None else Markup(render_table(reading)),  # escapes what it is given itself
        receipt_number=number,
    )


def _page(status_code: int = 200, **values: object) -> Response:
    content = _pages.get_template("status.html").render(**values)
    return HTMLResponse(content, status_code, {"Content-Security-Policy": CONTENT_SECURITY})
