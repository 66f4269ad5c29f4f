"""A mail sender, as a process of its own, that is killed between the server's yes and the commit."""

import asyncio
import os
import signal
import sys
from email.message import EmailMessage

from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.contacts import Contacts
from services.notify.deliveries.rules import Attempt, Outcome
from services.notify.deliveries.sending import Sender
from services.notify.service import SERVICE
from shared.auth import DevelopmentIssuer
from shared.http.client import internal_client
from shared.service.settings import Environment
from tests.kit.apps import ISSUER, make_deps
from tests.service.notify.office import QUICK


class DyingChannel(SmtpChannel):
    """Dies with the yes in its hand."""

    async def send(self, message: EmailMessage, to: str) -> Attempt:
        attempt = await super().send(message, to)
        assert attempt.outcome is Outcome.ACCEPTED
        os.kill(os.getpid(), signal.SIGKILL)
        return attempt


async def main(database_url: str, smtp_port: int) -> None:
    """Send one batch."""
    settings = SERVICE.settings(
        service="notify", env=Environment.TEST, smtp_host="127.0.0.1", smtp_port=smtp_port, **QUICK
    )
    deps = make_deps(settings, database_url, DevelopmentIssuer(env="test", url=ISSUER))
    requests = internal_client("http://127.0.0.1:1", lambda: deps.service_tokens.issue("requests"))
    contacts = Contacts(deps.db, deps.vault, requests, settings)
    await Sender(deps.db, DyingChannel(settings), contacts, settings).run_once()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
