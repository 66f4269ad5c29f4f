"""A real SMTP server that misbehaves on request.

Each recipient's behaviour is scripted by what stands before the `@`: answers come from the list, the last one for ever.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from aiosmtpd.smtp import SMTP, Envelope, Session

YES = "250 2.0.0 Ok: queued as 4F2A"
DROP_AFTER_DATA = "drop after data"
DROP_AFTER_TAKING = "take the mail, then drop"
HANG_AFTER_DATA = "hang after data"
HANG_AT_RCPT = "hang at rcpt"
DROP_AT_RCPT = "drop at rcpt"


@dataclass
class ScriptedSmtp:
    """The server's script and what it took. `taken` holds every mail it said yes to, or swallowed."""

    port: int = 0
    script: dict[str, list[str]] = field(default_factory=dict)
    taken: list[EmailMessage] = field(default_factory=list)
    conversations: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _server: asyncio.Server | None = None

    def answers(self, mail: str, *answers: str) -> None:
        """Script the answers for an address."""
        self.script[mail] = list(answers)

    def to(self, mail: str) -> list[EmailMessage]:
        """Return what was taken for an address."""
        return [message for message in self.taken if message["To"] == mail]

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="smtp.test", loop=loop), "127.0.0.1", self.port
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def handle_RCPT(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Sequence[str]
    ) -> str:
        self.conversations[address] += 1
        answer = self._next(address, at_rcpt=True)
        if answer == HANG_AT_RCPT:
            await asyncio.sleep(3600)
        if answer == DROP_AT_RCPT:
            server.transport.abort()
        if answer.startswith("rcpt "):
            return answer.removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        [address] = envelope.rcpt_tos
        answer = self._next(address, at_rcpt=False)
        if answer in (DROP_AFTER_TAKING, YES):
            content = envelope.original_content or b""
            self.taken.append(message_from_bytes(content, _class=EmailMessage, policy=default))
        if answer in (DROP_AFTER_DATA, DROP_AFTER_TAKING):
            server.transport.abort()
            return YES
        if answer == HANG_AFTER_DATA:
            await asyncio.sleep(3600)
        return answer

    def _next(self, address: str, *, at_rcpt: bool) -> str:
        script = self.script.get(address, [YES])
        now = script[0]
        if at_rcpt != (now in (HANG_AT_RCPT, DROP_AT_RCPT) or now.startswith("rcpt ")):
            return YES if not at_rcpt else "250"
        if len(script) > 1:
            script.pop(0)
        return now


@asynccontextmanager
async def scripted_smtp() -> AsyncIterator[ScriptedSmtp]:
    """Run a server on a free port."""
    server = ScriptedSmtp()
    await server.start()
    yield server
    await server.stop()
