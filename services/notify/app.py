"""The HTTP application of the notify service."""

from fastapi import FastAPI

from services.notify.deliveries.api import router as deliveries
from services.notify.inbox.api import router as inbox
from services.notify.recipients.api import router as recipients
from services.notify.settings import NotifySettings
from services.notify.subscriptions.api import router as subscriptions
from services.notify.subscriptions.pages import router as subscription_pages
from services.notify.templates.api import router as templates
from services.notify.templates.packaged import packaged
from shared.bus.api import routers as spine
from shared.http.app import service_app
from shared.http.health import Check, CheckResult
from shared.service.deps import Deps

DESCRIPTION = "按事件以电子邮件和站内信通知申请人、工作人员和订阅者，并留存送达凭据。"


def create_app(deps: Deps[NotifySettings]) -> FastAPI:
    """Return the application; packaged texts that contradict themselves stop it here."""
    packaged()
    return service_app(
        "notify",
        "通知",
        deps,
        [deliveries, inbox, recipients, templates, subscriptions, *spine],
        pages=[subscription_pages],
        checks={"mail": _mail_check(deps.settings)},
        description=DESCRIPTION,
    )


def _mail_check(settings: NotifySettings) -> Check:
    async def check() -> CheckResult:
        if settings.smtp_host:
            return CheckResult()
        return CheckResult(status="degraded", reason="未设置 LANTAI_NOTIFY_SMTP_HOST：邮件将一直等待")

    return check
