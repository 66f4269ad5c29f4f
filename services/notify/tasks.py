"""Background work of this service: the mail sender."""

from collections.abc import Mapping

from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.contacts import Contacts
from services.notify.deliveries.sending import Sender
from services.notify.settings import NotifySettings
from shared.http.client import internal_client
from shared.service.background import Well
from shared.service.definition import BackgroundTask
from shared.service.deps import Deps


def tasks(deps: Deps[NotifySettings]) -> Mapping[str, BackgroundTask]:
    """Return the loops that the worker runs until it stops."""

    async def send_mail(well: Well) -> None:
        settings = deps.settings
        requests = internal_client(
            settings.requests_base_url,
            lambda: deps.service_tokens.issue("requests"),
            timeout_seconds=settings.contact_seconds,
        )
        try:
            contacts = Contacts(deps.db, deps.vault, requests, settings)
            await Sender(deps.db, SmtpChannel(settings), contacts, settings).run(well)
        finally:
            await requests.aclose()

    return {"mail": send_mail}
