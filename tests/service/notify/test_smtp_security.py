"""Encrypted and authenticated conversations with a mail server; what is wrong with ours fails no mail."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from services.notify.channels.message import Letter, compose
from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.rules import Attempt, Outcome
from services.notify.settings import NotifySettings, SmtpSecurity
from shared.service.settings import Environment
from tests.kit.certificates import write_certificate
from tests.kit.smtp import ScriptedSmtp


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return write_certificate(tmp_path / "smtp.pem")


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    """Let in one user."""
    known = LoginPassword(b"lantai", b"right")
    return AuthResult(success=isinstance(data, LoginPassword) and data == known, handled=False)


@asynccontextmanager
async def secured(certificate: Path, security: SmtpSecurity) -> AsyncIterator[tuple[int, ScriptedSmtp]]:
    """Run a server that takes mail only over TLS and after a login; give its port and what it took."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    handler = ScriptedSmtp()
    loop = asyncio.get_running_loop()
    starttls = {"tls_context": context, "require_starttls": True} if security is SmtpSecurity.STARTTLS else {}
    server = await loop.create_server(
        lambda: SMTP(
            handler,
            hostname="smtp.test",
            authenticator=authenticate,
            auth_required=security is SmtpSecurity.STARTTLS,  # aiosmtpd knows of TLS only by STARTTLS
            auth_require_tls=security is SmtpSecurity.STARTTLS,
            loop=loop,
            **starttls,
        ),
        "127.0.0.1",
        0,
        ssl=context if security is SmtpSecurity.TLS else None,
    )
    yield server.sockets[0].getsockname()[1], handler
    server.close()


async def send(port: int, security: SmtpSecurity, password: str = "right") -> Attempt:
    """Send one mail."""
    settings = NotifySettings(
        env=Environment.TEST,
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security=security,
        smtp_username="lantai",
        smtp_password=password,
        smtp_command_seconds=2,
    )
    letter = Letter("<1@lantai.test>", "zhang@example.cn", "题", "文", datetime(2026, 11, 22, tzinfo=UTC))
    message = compose(letter, sender="notice@lantai.test", sender_name="兰台")
    return await SmtpChannel(settings).send(message, "zhang@example.cn")


@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
async def test_a_trusted_server_takes_mail_after_a_login(
    certificate: Path, security: SmtpSecurity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with secured(certificate, security) as (port, server):
        assert (await send(port, security)).outcome is Outcome.ACCEPTED
        assert len(server.taken) == 1
        wrong = await send(port, security, password="wrong")
        assert wrong.outcome is Outcome.NOT_SENT and "535" in wrong.answer


@pytest.mark.parametrize("security", [SmtpSecurity.STARTTLS, SmtpSecurity.TLS])
async def test_a_server_that_we_do_not_trust_gets_nothing(certificate: Path, security: SmtpSecurity) -> None:
    async with secured(certificate, security) as (port, server):
        assert (await send(port, security)).outcome is Outcome.NOT_SENT
        assert server.taken == []


async def test_a_server_without_starttls_gets_nothing(certificate: Path, smtp: ScriptedSmtp) -> None:
    assert (await send(smtp.port, SmtpSecurity.STARTTLS)).outcome is Outcome.NOT_SENT
    assert smtp.taken == []
