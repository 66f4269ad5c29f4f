"""One conversation with the mail server, and what it means for the mail.

The only file that speaks SMTP. Up to DATA a lost connection surely sent nothing; from DATA on nobody knows.
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from services.notify.deliveries.rules import Attempt, Outcome
from services.notify.settings import NotifySettings, SmtpSecurity
from shared.telemetry.redaction import redact_text

QUIT_SECONDS = 2.0
PERMANENT = 500
MAX_ANSWER_CHARACTERS = 300


class MailChannel(Protocol):
    """Takes one mail to its server."""

    async def send(self, message: EmailMessage, to: str) -> Attempt: ...


@dataclass
class _Conversation:
    """How far we are: once `data_begun`, the server may have taken the mail."""

    data_begun: bool = False
    client: SMTP | None = field(default=None, repr=False)


class SmtpChannel:
    """Sends by SMTP, one connection for each mail, every step with a time limit."""

    def __init__(self, settings: NotifySettings) -> None:
        self._settings = settings

    async def send(self, message: EmailMessage, to: str) -> Attempt:
        """Hand one mail to the server; never raises for what a server or a network can do."""
        talk = _Conversation()
        try:
            async with asyncio.timeout(self._settings.smtp_conversation_seconds):
                return await self._converse(talk, message, to)
        except (SMTPException, OSError) as error:  # OSError includes time limits and TLS failures
            return _lost(talk, error)
        finally:
            if talk.client is not None:
                talk.client.close()

    async def _converse(self, talk: _Conversation, message: EmailMessage, to: str) -> Attempt:
        settings = self._settings
        talk.client = client = SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            local_hostname=settings.mail_domain,
            timeout=settings.smtp_command_seconds,
            use_tls=settings.smtp_security is SmtpSecurity.TLS,
            start_tls=settings.smtp_security is SmtpSecurity.STARTTLS,
        )
        await client.connect()
        try:
            await client.mail(settings.mail_from)
            await client.rcpt(to)
            talk.data_begun = True
            answer = await client.data(message.as_bytes())
        except (SMTPSenderRefused, SMTPRecipientRefused, SMTPDataError) as refusal:
            return _refused(refusal)
        with contextlib.suppress(SMTPException, OSError):
            await client.quit(timeout=QUIT_SECONDS)
        return Attempt(Outcome.ACCEPTED, _said(answer.code, answer.message))


def _refused(refusal: SMTPResponseException) -> Attempt:
    outcome = Outcome.REFUSED if refusal.code >= PERMANENT else Outcome.REFUSED_FOR_NOW
    return Attempt(outcome, _said(refusal.code, refusal.message))


def _lost(talk: _Conversation, error: Exception) -> Attempt:
    said = redact_text(f"{type(error).__name__}: {error}")[:MAX_ANSWER_CHARACTERS]
    return Attempt(Outcome.LOST if talk.data_begun else Outcome.NOT_SENT, said)


def _said(code: int, words: str) -> str:
    """Return a server's answer without the addresses that servers like to repeat."""
    return redact_text(f"{code} {' '.join(words.split())}")[:MAX_ANSWER_CHARACTERS]
