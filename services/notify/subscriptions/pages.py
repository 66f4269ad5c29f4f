"""The pages behind the links in mails. Opening one changes nothing (mail scanners open links); its button does.

A mail program's one-click unsubscribe (RFC 8058) posts to the same address as the button.
"""

from pathlib import Path
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, select_autoescape

from services.notify.subscriptions import commands
from services.notify.subscriptions.api import parts
from services.notify.subscriptions.links import PAGES
from shared.errors import Category, DomainError
from shared.http.openapi import PUBLIC
from shared.http.problems import STATUS
from shared.http.sessions import Write

router = APIRouter(prefix=PAGES)

_PAGE = Environment(autoescape=select_autoescape(default=True)).from_string(
    (Path(__file__).parent / "page.html").read_text(encoding="utf-8")
)


def _page(title: str, text: str, action: str | None = None, *, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.render(title=title, text=text, action=action), status)


@router.get("/{subscription_id}/confirmation", openapi_extra=PUBLIC)
async def show_confirmation(subscription_id: UUID) -> HTMLResponse:
    """Ask to press the button."""
    return _page("确认订阅", "点击下面的按钮，即开始接收该机构的公开文件通知。", "确认订阅")


@router.post("/{subscription_id}/confirmation", openapi_extra=PUBLIC)
async def press_confirmation(subscription_id: UUID, request: Request, uow: Write, token: str = "") -> HTMLResponse:
    """Confirm."""
    deps = parts(request)
    try:
        await commands.confirm(uow, subscription_id, token, vault=deps.vault, settings=deps.settings)
    except DomainError as refused:
        return _refused(refused)
    return _page("订阅已确认", "有新的公开文件时，我们会发邮件告诉您。每封邮件都附有取消订阅的链接。")


@router.get("/{subscription_id}/ending", openapi_extra=PUBLIC)
async def show_ending(subscription_id: UUID) -> HTMLResponse:
    """Ask to press the button."""
    return _page("取消订阅", "点击下面的按钮，即不再接收该机构的公开文件通知。", "取消订阅")


@router.post("/{subscription_id}/ending", openapi_extra=PUBLIC)
async def press_ending(subscription_id: UUID, request: Request, uow: Write, token: str = "") -> HTMLResponse:
    """End the subscription."""
    try:
        await commands.end(uow, subscription_id, token, vault=parts(request).vault)
    except DomainError as refused:
        return _refused(refused)
    return _page("订阅已取消", "您不会再收到该机构的公开文件通知。")


def _refused(refused: DomainError) -> HTMLResponse:
    if refused.category not in (Category.NOT_FOUND, Category.GONE):
        raise refused
    return _page("无法完成", f"{refused.title}。", status=STATUS[refused.category])
