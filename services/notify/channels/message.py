"""A mail as it goes out: plain text, the same Message-ID however often it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from shared.calendar import SHANGHAI


@dataclass(frozen=True)
class Letter:
    """What is written to whom. `links` (purpose, address) follow the text; `unsubscribe` works in one click."""

    message_id: str
    to: str
    subject: str
    body: str
    written_at: datetime
    links: Sequence[tuple[str, str]] = ()
    unsubscribe: str | None = None


def compose(letter: Letter, *, sender: str, sender_name: str) -> EmailMessage:
    """Return the mail. Addresses were checked when they came in, subjects are one line."""
    message = EmailMessage(policy=SMTP)
    local, _, domain = sender.rpartition("@")
    message["From"] = Address(sender_name, local, domain)
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.written_at.astimezone(SHANGHAI))
    message["Message-ID"] = letter.message_id
    message["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe is not None:
        message["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    text = letter.body.rstrip("\n") + "\n"
    for purpose, address in letter.links:
        text += f"\n{purpose}：\n{address}\n"
    message.set_content(text, cte="base64")
    return message
