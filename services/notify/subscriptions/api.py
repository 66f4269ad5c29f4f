"""Routes of subscriptions, for the public."""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.notify.settings import NotifySettings
from services.notify.subscriptions import commands
from services.notify.subscriptions.rules import LinkExpired, LinkUnknown
from services.notify.subscriptions.schemas import (
    LinkInput,
    SubscriptionAccepted,
    SubscriptionBody,
    SubscriptionInput,
)
from shared.http.idempotency import Idempotent
from shared.http.openapi import PUBLIC
from shared.http.problems import responses
from shared.http.sessions import Write
from shared.service.deps import Deps

router = APIRouter(prefix="/subscriptions", tags=["订阅"])

ACCEPTED = "如果邮箱有效，您将收到一封确认邮件，请按邮件中的链接确认订阅。"


def parts(request: Request) -> Deps[NotifySettings]:
    """Return the service's parts."""
    deps: Deps[NotifySettings] = request.app.state.deps
    return deps


@router.post(
    "", status_code=202, response_model=SubscriptionAccepted, summary="订阅机构公开文件通知", openapi_extra=PUBLIC
)
async def request_subscription(body: SubscriptionInput, request: Request, once: Idempotent) -> Response:
    """Ask to be told of an agency's documents; nothing is sent until the link in the first mail is confirmed."""
    deps = parts(request)
    await commands.request(once.uow, body.agency_id, body.mail, vault=deps.vault, settings=deps.settings)
    return await once.answer(202, SubscriptionAccepted(message=ACCEPTED))


@router.post(
    "/{subscription_id}/confirmation",
    summary="确认订阅",
    openapi_extra=PUBLIC,
    responses=responses(404, 410, examples={404: (LinkUnknown,), 410: (LinkExpired,)}),
)
async def confirm_subscription(
    subscription_id: UUID, body: LinkInput, request: Request, uow: Write
) -> SubscriptionBody:
    """Confirm with the token from the mail."""
    deps = parts(request)
    row = await commands.confirm(uow, subscription_id, body.token, vault=deps.vault, settings=deps.settings)
    return SubscriptionBody.model_validate(row)


@router.post(
    "/{subscription_id}/ending",
    summary="取消订阅",
    openapi_extra=PUBLIC,
    responses=responses(404, examples={404: (LinkUnknown,)}),
)
async def end_subscription(subscription_id: UUID, body: LinkInput, request: Request, uow: Write) -> SubscriptionBody:
    """End with the token that every notice carries."""
    row = await commands.end(uow, subscription_id, body.token, vault=parts(request).vault)
    return SubscriptionBody.model_validate(row)
