"""Encrypted and authenticated conversations with a mail server; what is wrong with ours fails no mail."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notify.channels.message import Letter, compose
from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.rules import Attempt, Outcome
from services.notify.settings import NotifySettings, SmtpSecurity
from shared.service.settings import Environment
from tests.kit.smtp import ScriptedSmtp


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of 127.0.0.1 that nobody trusts yet, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smtp.test")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "smtp.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


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
