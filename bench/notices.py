"""Goal 14: notices to two mail providers, 50 a second and a burst of 1,000, while one of the two misbehaves.

First the second provider refuses every other mail for now, then it takes connections and never answers. Counted is how
many mails the sound provider had within 10 s of their commit, what nobody has and no row waits to send (lost), and
mails that a provider got under two Message-IDs (twice, for a provider that honours its key). The mail sender runs in a
process of its own with the product's default settings, the two providers behind one SMTP server in another.
"""

import asyncio
import os
import random
import socket
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from email import message_from_bytes
from pathlib import Path
from uuid import UUID, uuid4

from aiosmtpd.smtp import SMTP, Envelope, Session

from bench.rig import busy, line
from bench.stage import AGENCIES, service_database
from services.notify.channels.smtp import SmtpChannel
from services.notify.deliveries.commands import announce
from services.notify.deliveries.contacts import Contact
from services.notify.deliveries.rules import RecipientKind
from services.notify.deliveries.sending import Sender
from services.notify.settings import NotifySettings
from shared.db import direct
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.uow import Actor
from shared.events import Envelope as EventEnvelope
from shared.events.requests import ApplicationRegistered, ApplicationState
from shared.service.settings import Environment

STEADY_PER_SECOND = 50
STEADY_SECONDS = float(os.environ.get("BENCH_STEADY_SECONDS", "20"))
BURST = int(os.environ.get("BENCH_BURST", "1000"))
IN_TIME_SECONDS = 10.0
SITE = "http://lantai.test"
SOUND, HALF, HANGING = 0, 1, 2
DOMAINS = {SOUND: "sound.test", HALF: "half.test", HANGING: "hanging.test"}


class Providers:
    """Every provider behind one server; what was taken goes to standard output: when, Message-ID, address."""

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's name)
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        domain = address.rpartition("@")[2]
        if domain == DOMAINS[HANGING]:
            await asyncio.sleep(3600)
        if domain == DOMAINS[HALF] and random.random() < 0.5:
            return "450 4.2.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd)
        message = message_from_bytes(envelope.original_content or b"")
        print(time.time(), message["Message-ID"], message["To"], flush=True)
        return "250 2.0.0 Ok"


class Numbered:
    """The directory: the last digits of a recipient's id name the provider."""

    async def find(self, _kind: RecipientKind, recipient_id: UUID) -> Contact:
        return Contact(f"{recipient_id}@{DOMAINS[recipient_id.int & 0xF]}", "***")


async def provide(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Providers(), hostname="smtp.test", loop=loop), "127.0.0.1", port)
    await server.serve_forever()


async def send(url: str, port: int) -> None:
    settings = NotifySettings(env=Environment.TEST, smtp_host="127.0.0.1", smtp_port=port)
    await Sender(Database(url, "notify"), SmtpChannel(settings), Numbered(), settings).run()


@asynccontextmanager
async def child(role: str, *arguments: str, out: Path) -> AsyncIterator[None]:
    with out.open("w") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.notices", role, *arguments, stdout=file, stderr=asyncio.subprocess.DEVNULL
        )
    try:
        yield
        if process.returncode is not None:
            raise RuntimeError(f"{role} ended by itself")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass
class Told:
    """The notices that were committed: when each recipient's was."""

    committed: dict[UUID, float] = field(default_factory=dict)


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    for misbehaving in (HALF, HANGING):
        async with service_database("notify") as found:
            folder = Path(tempfile.mkdtemp(prefix="lantai-bench-"))
            taken = folder / "taken"
            async with (
                child("provide", str(port), out=taken),
                child("send", found.url, str(port), out=folder / "sender"),
                busy(),
            ):
                told = await _announce(found.url, misbehaving)
                await asyncio.sleep(IN_TIME_SECONDS + 1)
            await _report(found.url, misbehaving, told, taken.read_text())


async def _announce(url: str, misbehaving: int) -> Told:
    """Commit the steady stream, with the burst in its middle."""
    db, told = Database(url, "notify"), Told()
    began, made, burst = time.perf_counter(), 0, False
    while (elapsed := time.perf_counter() - began) < STEADY_SECONDS:
        wanted = int(elapsed * STEADY_PER_SECOND)
        if wanted > made:
            await _commit(db, told, wanted - made, misbehaving)
            made = wanted
        if elapsed > STEADY_SECONDS / 2 and not burst:
            burst = True
            for _ in range(0, BURST, 100):
                await _commit(db, told, 100, misbehaving)
        await asyncio.sleep(0.05)
    await db.dispose()
    return told


async def _commit(db: Database, told: Told, count: int, misbehaving: int) -> None:
    """Hand in events as a consumer does, some in a transaction; every other one is for the misbehaving provider."""
    refs = []
    async with db.write(Actor.system("notify")) as uow:
        for number in range(count):
            refs.append(UUID(int=uuid4().int & ~0xF | (misbehaving if number % 2 else SOUND)))
            event = ApplicationRegistered(
                application_id=uuid7(),
                receipt_number="330106-2026-000001",
                agency_name="青山县第1局",
                recipient_ref=refs[-1],
                state=ApplicationState.RUNNING,
                due_on=date(2026, 12, 18),
                provisional=False,
            )
            envelope = EventEnvelope(uuid7(), "/bench", event.application_id, uow.now, AGENCIES[0], event)
            await announce(uow, envelope, site=SITE)
    told.committed |= dict.fromkeys(refs, time.time())


async def _report(url: str, misbehaving: int, told: Told, taken: str) -> None:
    arrived: dict[UUID, list[tuple[float, str]]] = defaultdict(list)
    for entry in taken.splitlines():
        at, message_id, to = entry.split()
        arrived[UUID(to.partition("@")[0])].append((float(at), message_id))
    sound = [ref for ref in told.committed if ref.int & 0xF == SOUND]
    in_time = sum(ref in arrived and min(arrived[ref])[0] - told.committed[ref] < IN_TIME_SECONDS for ref in sound)
    twice = sum(len({message_id for _, message_id in mails}) > 1 for mails in arrived.values())
    lost = len(told.committed.keys() - await _waiting(url) - arrived.keys())
    others = sum(ref in arrived for ref in told.committed if ref.int & 0xF == misbehaving)
    name = "failing half the time" if misbehaving == HALF else "hanging"
    detail = (
        f"{in_time:,} of {len(sound):,} within {IN_TIME_SECONDS:g} s, lost {lost} (0), twice {twice} (0);"
        f" the other provider took {others:,} of {len(told.committed) - len(sound):,} so far"
    )
    line(f"14 notices, one provider {name}", in_time / len(sound), "≥ 0.999", detail)


async def _waiting(url: str) -> set[UUID]:
    """The recipients of mails that a row still waits to send, or gives to a person as failed."""
    connection = await direct.connect(url, "bench")
    rows = await connection.fetch("SELECT recipient_id FROM deliveries WHERE channel = 'mail' AND state <> 'delivered'")
    await direct.close(connection)
    return {UUID(str(row["recipient_id"])) for row in rows}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["provide", port]:
            asyncio.run(provide(int(port)))
        case ["send", url, port]:
            asyncio.run(send(url, int(port)))
        case _:
            asyncio.run(main())
