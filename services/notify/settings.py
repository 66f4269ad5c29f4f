"""Settings of the notify service."""

from datetime import timedelta
from enum import StrEnum
from typing import Self

from pydantic import Field, SecretStr, model_validator

from services.notify.deliveries.rules import RetryPolicy
from shared.service.settings import ServiceSettings

CONTACT_READS = 4  # a contact is asked for at most three times, with short pauses between


class SmtpSecurity(StrEnum):
    """How the conversation with the mail server is protected; `none` is for a server on the same machine."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


class NotifySettings(ServiceSettings):
    """Without `smtp_host` mail waits. `mail_from` is the sender's address; its domain names our messages.

    A mail provider that leaves a mail unanswered for `mail_patience_seconds` is spared further ones for one pause.
    A mail's lease must outlast its conversation, or a slow server would get the mail twice.
    """

    service: str = "notify"
    smtp_host: str = ""
    smtp_port: int = Field(default=25, ge=1, le=65_535)
    smtp_security: SmtpSecurity = SmtpSecurity.NONE
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_command_seconds: float = Field(default=30, gt=0)
    smtp_conversation_seconds: float = Field(default=120, gt=0)
    mail_from: str = Field(default="lantai@localhost", pattern=r"^[^@\s<>]+@[A-Za-z0-9.-]+$")
    mail_from_name: str = "兰台政务公开"
    mail_poll_seconds: float = Field(default=1.0, gt=0)
    mail_lease_seconds: float = Field(default=300, gt=0)
    mail_parallel: int = Field(default=8, ge=1, le=50)
    mail_patience_seconds: float = Field(default=3, gt=0)
    mail_refusals: int = Field(default=8, ge=1)
    mail_pause_seconds: float = Field(default=60, gt=0)
    mail_longest_pause_seconds: float = Field(default=6 * 3600, gt=0)
    requests_url: str = ""
    contact_seconds: float = Field(default=3, gt=0)
    confirmation_days: int = Field(default=7, ge=1)
    confirmation_pause_seconds: float = Field(default=600, ge=0)

    @property
    def retry_policy(self) -> RetryPolicy:
        return RetryPolicy(
            first_pause=timedelta(seconds=self.mail_pause_seconds),
            longest_pause=timedelta(seconds=self.mail_longest_pause_seconds),
            refusals=self.mail_refusals,
        )

    @property
    def mail_domain(self) -> str:
        return self.mail_from.rpartition("@")[2]

    @property
    def requests_base_url(self) -> str:
        """Where the requests service's internal routes are."""
        return self.requests_url or self.internal_base_url

    @model_validator(mode="after")
    def lease_outlasts_conversation(self) -> Self:
        longest = self.smtp_conversation_seconds + CONTACT_READS * self.contact_seconds
        if self.mail_lease_seconds <= longest:
            raise ValueError(
                f"LANTAI_NOTIFY_MAIL_LEASE_SECONDS must exceed a mail's longest time in work, {longest:g} s"
            )
        return self
