"""A resident who subscribes to the office's documents: asks, confirms by the link in the mail, and is told."""

import re
from typing import Any
from uuid import uuid4

from services.cli.office import NOTIFY
from services.cli.story.cast import MAIL_DOMAIN, Cast

LINK = re.compile(r"https?://[^/\s]+(/api/notify/pages/subscriptions/\S+/confirmation\?token=[0-9a-f]+)")


class Subscriber:
    """One resident with a mail address of their own, and the mailbox in which development mail is caught."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self.mail = f"resident-{uuid4().hex[:12]}@{MAIL_DOMAIN}"

    def subscribe(self) -> None:
        """Ask, wait for the mail, and press its button."""
        cast = self._cast
        cast.citizen.create(f"{NOTIFY}/subscriptions", {"agency_id": cast.office_id, "mail": self.mail})
        asked = cast.narrator.eventually("订阅确认邮件", lambda: self.received("确认"))
        link = LINK.search(asked["text"])
        cast.narrator.ensure("确认邮件中有链接", link is not None)
        assert link is not None
        cast.citizen.form(link.group(1), {})

    def received(self, words: str) -> dict[str, Any] | None:
        """Return the newest mail to this resident whose subject or text has these words."""
        for mail in self._cast.citizen.get("/mailbox/messages")["items"]:
            if self.mail in mail["to"] and (words in mail["subject"] or words in mail["text"]):
                found: dict[str, Any] = mail
                return found
        return None
