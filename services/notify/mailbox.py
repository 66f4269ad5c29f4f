"""A mail catcher for development: a real SMTP server whose mail goes nowhere, and a page that shows it.

Every mail is one file, named by a time-ordered id, so what was caught outlives a restart. It shows everybody's mail to
everybody, so it refuses to exist in production.
"""

import asyncio
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse
from jinja2 import Environment as Templates
from jinja2 import select_autoescape
from pydantic import BaseModel

from shared.calendar import SHANGHAI
from shared.db.ids import uuid7
from shared.service.settings import Environment

SHOWN = 200
MAX_MAIL_BYTES = 2 * 1024 * 1024

_PAGES = Templates(autoescape=select_autoescape(default=True))


def _local(sent_at: str) -> str:
    """The hour of a mail as its readers in China write it; a date that is none as it stands."""
    try:
        return parsedate_to_datetime(sent_at).astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return sent_at


_PAGES.filters["local"] = _local
_PAGE = _PAGES.from_string((Path(__file__).parent / "mailbox.html").read_text(encoding="utf-8"))


class MailCatcherRefused(RuntimeError):
    """The mail catcher was asked for in production."""


class CaughtMail(BaseModel):
    """A mail as programs read it."""

    id: str
    to: str
    sender: str
    subject: str
    sent_at: str
    message_id: str
    text: str


class CaughtMails(BaseModel):
    items: list[CaughtMail]


@dataclass(frozen=True)
class Mailbox:
    """The folder of caught mail."""

    folder: Path

    def store(self, content: bytes) -> None:
        """Keep one mail; it appears whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        name = str(uuid7())
        unfinished = self.folder / f"{name}.part"
        unfinished.write_bytes(content)
        unfinished.rename(self.folder / f"{name}.eml")

    def newest(self, limit: int = SHOWN) -> list[CaughtMail]:
        """Return the newest mails first."""
        return [self._read(path) for path in sorted(self.folder.glob("*.eml"), reverse=True)[:limit]]

    def one(self, mail_id: str) -> CaughtMail | None:
        """Return a mail by its id."""
        known = {path.stem: path for path in self.folder.glob("*.eml")}
        return self._read(known[mail_id]) if mail_id in known else None

    def _read(self, path: Path) -> CaughtMail:
        message = message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=default)
        body = message.get_body(("plain",))
        return CaughtMail(
            id=path.stem,
            to=str(message.get("To", "")),
            sender=str(message.get("From", "")),
            subject=str(message.get("Subject", "")),
            sent_at=str(message.get("Date", "")),
            message_id=str(message.get("Message-ID", "")),
            text=str(body.get_content()).replace("\r\n", "\n") if body is not None else "",
        )


class MailCatcher:
    """The SMTP server. Port 0 takes a free one, found in `port` after `start`."""

    def __init__(self, mailbox: Mailbox, *, env: Environment, host: str = "127.0.0.1", port: int = 0) -> None:
        if env is Environment.PRODUCTION:
            raise MailCatcherRefused("开发用邮箱不得用于生产环境（the mail catcher refuses to run in production)。")
        self.host = host
        self.port = port
        self._mailbox = mailbox
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, data_size_limit=MAX_MAIL_BYTES, hostname="mailbox.lantai", loop=loop),
            self.host,
            self.port,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd's name)
        """Keep the mail before saying yes."""
        content = envelope.original_content or b""
        await asyncio.to_thread(self._mailbox.store, content)
        return "250 2.0.0 Ok: caught"


def mailbox_app(mailbox: Mailbox) -> FastAPI:
    """Return the application that serves `/mailbox`, `/mailbox/{id}` and, for programs, `/mailbox/messages`."""
    app = FastAPI(title="开发邮箱", openapi_url=None, docs_url=None, redoc_url=None)

    @app.get("/mailbox", response_class=HTMLResponse)
    async def show_mails() -> HTMLResponse:
        return HTMLResponse(_PAGE.render(mails=await asyncio.to_thread(mailbox.newest), mail=None))

    @app.get("/mailbox/messages")
    async def list_mails() -> CaughtMails:
        return CaughtMails(items=await asyncio.to_thread(mailbox.newest))

    @app.get("/mailbox/{mail_id}", response_class=HTMLResponse)
    async def show_mail(mail_id: str) -> HTMLResponse:
        mail = await asyncio.to_thread(mailbox.one, mail_id)
        if mail is None:
            raise HTTPException(404, "没有这封邮件")
        return HTMLResponse(_PAGE.render(mails=[], mail=mail))

    return app
