"""The system that `lantai up` runs: its own keys, PostgreSQL, issuer and mail catcher where none is given.

Whatever the environment says wins; what is missing is put there before a service reads its settings. Parts are
closed in the opposite order of their opening (the services' and the log's side by side), PostgreSQL last, so that a
second start finds everything as it was.
"""

import asyncio
import os
import socket
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import typer
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import ASGIApp

from services.all_in_one import AllInOne, DifferentBuses, require_one_bus
from services.cli import keys
from services.cli.command import load_settings
from services.cli.failure import Failed
from services.cli.seed import load_all
from services.notify.mailbox import Mailbox, MailCatcher, mailbox_app
from services.roster import NAMES
from services.start_page.app import start_page
from shared.auth import DevelopmentIssuer
from shared.auth.issuer_app import issuer_app
from shared.db.embedded import EmbeddedPostgres, EmbeddedPostgresError
from shared.http.client import ServiceUnreachable, fetch_json
from shared.service.branches import Branches
from shared.service.heap import keep_what_is_loaded
from shared.service.provisioning import prepare_log, prepare_service
from shared.service.runtime import make_transport, open_deps
from shared.service.server import Stopped, serving, unless_stopped, until_signalled
from shared.service.settings import Environment
from shared.service.topics import topics_prepared

REAL = ("_POSTGRES_URL", "_DATABASE_URL", "_KAFKA_BOOTSTRAP_SERVERS")  # for all services, or for one


def prepare_directory(var: Path) -> None:
    """Make `var`; one that cannot be written ends the command."""
    probe = var / ".writable"
    try:
        var.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise Failed(
            f"the directory {var} cannot be written ({error.strerror}): "
            "make it writable, or set LANTAI_VAR to another directory."
        ) from None


@dataclass(frozen=True)
class System:
    """One system: its socket, its directory (absolute), and whether sample data is loaded at the first start."""

    listening: socket.socket
    var: Path
    with_samples: bool

    @property
    def port(self) -> int:
        return int(self.listening.getsockname()[1])

    async def run(self) -> None:
        """Start, say that it is ready, and end in order at SIGINT or SIGTERM, be it in the middle of the start."""
        stop = until_signalled()
        with suppress(Stopped):
            async with AsyncExitStack() as stack:
                app = await unless_stopped(stop, self._start(stack))
                proxies = os.environ.get("LANTAI_TRUSTED_PROXIES", "")
                # Ended side by side: an answer that is under way needs no worker.
                running = await stack.enter_async_context(Branches())
                await running.branch().enter_async_context(app.working())
                await running.branch().enter_async_context(serving(app, self.listening, trusted_proxies=proxies))
                await unless_stopped(stop, self._until_ready())
                keep_what_is_loaded()
                typer.echo(f"Lantai is ready: {os.environ['LANTAI_BASE_URL']}")
                await stop.wait()

    async def _start(self, stack: AsyncExitStack) -> AllInOne:
        """Open everything on `stack`, and return the application."""
        development = self._choose_environment()
        for name in NAMES:  # a wrong setting is told before anything starts
            load_settings(name)
        await self._open_postgres(stack)
        others: dict[str, ASGIApp] = {}
        issuer = self._issuer() if development else None
        if issuer is not None:
            others["/issuer"] = Starlette(routes=[Mount("/issuer", issuer_app(issuer))])
        if development:
            others["/mailbox"] = await self._catch_mail(stack)
        loaded = [load_settings(name) for name in NAMES]
        others["/"] = start_page(
            {definition.name: definition.title for definition, _ in loaded},
            samples_file=self.var / "samples" / "cases.json",
            development=development,
            operations=True,
        )
        try:
            require_one_bus([settings for _, settings in loaded])
        except DifferentBuses as error:
            raise Failed(str(error)) from None
        await prepare_log(loaded[0][1])
        for _, settings in loaded:
            await prepare_service(settings)
        branches = await stack.enter_async_context(Branches())
        transport, log = make_transport(loaded[0][1]), branches.branch()
        await transport.start()
        log.push_async_callback(transport.stop)
        await log.enter_async_context(topics_prepared(transport, loaded))
        keys_here = issuer.keys if issuer else None
        members = [
            (definition, await branches.branch().enter_async_context(open_deps(settings, keys_here)))
            for definition, settings in loaded
        ]
        system = AllInOne(members, transport, others)
        await stack.enter_async_context(system.open())
        return system

    def _choose_environment(self) -> bool:
        """Fill in what the environment leaves open; return whether this is a development (or test) system."""
        real = any(value and name.startswith("LANTAI_") and name.endswith(REAL) for name, value in os.environ.items())
        env = os.environ.setdefault("LANTAI_ENV", "production" if real else "development")
        os.environ.setdefault("LANTAI_BASE_URL", f"http://localhost:{self.port}")
        os.environ.setdefault("LANTAI_INTERNAL_URL", f"http://127.0.0.1:{self.port}")
        if env == "production":
            return False
        os.environ.setdefault("LANTAI_SECRET_KEY", keys.secret_key(self.var / "keys"))
        os.environ.setdefault("LANTAI_DATA_KEYS", keys.data_keys(self.var / "keys"))
        return True

    async def _open_postgres(self, stack: AsyncExitStack) -> None:
        if os.environ.get("LANTAI_POSTGRES_URL"):
            return
        postgres = EmbeddedPostgres(self.var)
        try:
            await postgres.start()
        except EmbeddedPostgresError as error:
            raise Failed(str(error)) from None
        stack.push_async_callback(postgres.stop)
        os.environ["LANTAI_POSTGRES_URL"] = postgres.url()

    def _issuer(self) -> DevelopmentIssuer | None:
        """Return our own issuer, unless the environment names another."""
        url = f"{os.environ['LANTAI_BASE_URL'].rstrip('/')}/issuer"
        if os.environ.setdefault("LANTAI_OIDC_ISSUER", url) != url:
            return None
        audience = os.environ.get("LANTAI_OIDC_AUDIENCE", "lantai")
        key = self.var / "keys" / "issuer.json"
        return DevelopmentIssuer.stored(key, env=os.environ["LANTAI_ENV"], url=url, audience=audience)

    async def _catch_mail(self, stack: AsyncExitStack) -> ASGIApp:
        """Let our mail catcher be the mail server, unless the environment names one; return its page."""
        mailbox = Mailbox(self.var / "mail")
        if not os.environ.get("LANTAI_NOTIFY_SMTP_HOST"):
            catcher = MailCatcher(mailbox, env=Environment(os.environ["LANTAI_ENV"]))
            await catcher.start()
            stack.push_async_callback(catcher.stop)
            os.environ |= {"LANTAI_NOTIFY_SMTP_HOST": catcher.host, "LANTAI_NOTIFY_SMTP_PORT": str(catcher.port)}
        return mailbox_app(mailbox)

    async def _until_ready(self) -> None:
        """Wait until the system answers; load the sample data at the first start."""
        while True:
            with suppress(ServiceUnreachable):
                await fetch_json(f"http://127.0.0.1:{self.port}/readyz")
                break
            await asyncio.sleep(0.1)
        if self.with_samples and os.environ["LANTAI_ENV"] != "production":
            await self._load_samples()

    async def _load_samples(self) -> None:
        """Load the sample data once; a load that was interrupted goes on at the next start."""
        folder = self.var / "samples"
        loaded = folder / "loaded"
        if not loaded.exists():
            folder.mkdir(exist_ok=True)
            await load_all(f"http://127.0.0.1:{self.port}", None, folder / "cases.json")
            loaded.touch()
