"""One service under test: its application on a real database, its handlers called by hand.

Handlers run as the worker runs them, in a unit of work each; what they emit is read back from the outbox.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert

from shared.auth import DevelopmentIssuer, Grant, Role, ServiceTokens, TokenVerifier
from shared.bus.dispatch import InBatches
from shared.crypto import Vault
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.db.spine import audit_entries, clock_offset, outbox, timers
from shared.db.uow import Actor, UnitOfWork
from shared.events import EVENTS, Envelope, Event, decode
from shared.replicas.tables import agency_replica
from shared.service.definition import Definition
from shared.service.deps import Deps
from shared.service.settings import Environment, ServiceSettings
from shared.telemetry.metrics import Metrics
from shared.timers import DueTimer

ISSUER = "http://issuer.test"
TEST_SECRET = "tests-only-secret-of-thirty-two-characters"
COUNTY = UUID("0191d000-0000-7000-8000-000000000001")
BUREAU = UUID("0191d000-0000-7000-8000-000000000002")
OTHER_COUNTY = UUID("0191d000-0000-7000-8000-000000000003")
AGENCIES = (
    {"id": COUNTY, "code": "11500000009275780A", "name": "青山县人民政府", "parent_id": None, "level": "county"},
    {
        "id": BUREAU,
        "code": "11500000MB1670257B",
        "name": "青山县应急管理局",
        "parent_id": COUNTY,
        "level": "department",
    },
    {"id": OTHER_COUNTY, "code": "11610000016000123C", "name": "白水县人民政府", "parent_id": None, "level": "county"},
)


def make_deps(settings: ServiceSettings, url: str, issuer: DevelopmentIssuer) -> Deps[Any]:
    """Return a service's parts on the database at `url`, trusting `issuer`."""
    return Deps(
        settings=settings,
        db=Database(url, settings.service),
        verifier=TokenVerifier(issuer=ISSUER, audience="lantai", keys=issuer.keys),
        service_tokens=ServiceTokens(TEST_SECRET, settings.service),
        vault=Vault({"test": b"t" * 32}, "test"),
        metrics=Metrics(settings.service),
    )


@dataclass(frozen=True)
class ServiceUnderTest:
    """A running service, a client of its API, and the means to be its worker."""

    definition: Definition
    deps: Deps[Any]
    app: FastAPI
    client: httpx.AsyncClient
    issuer: DevelopmentIssuer

    def staff(
        self, role: Role, agency: UUID = BUREAU, *, subject: str | None = None, name: str | None = None
    ) -> dict[str, str]:
        """Return the header of a member of staff with one role at one agency."""
        token = self.issuer.issue(subject or f"{role.value}-1", name or f"{role.label}甲", [Grant(role, agency)])
        return {"Authorization": f"Bearer {token}"}

    def service(self, caller: str) -> dict[str, str]:
        """Return the header of another service of the house."""
        return {"Lantai-Service-Token": ServiceTokens(TEST_SECRET, caller).issue(self.definition.name)}

    @asynccontextmanager
    async def write(self) -> AsyncIterator[UnitOfWork]:
        """Open a unit of work in the service's own name."""
        async with self.deps.db.write(Actor.system(self.definition.name)) as uow:
            yield uow

    async def now(self) -> datetime:
        """Return the service's business time."""
        async with self.write() as uow:
            return uow.now

    async def shift_clock(self, by: timedelta) -> None:
        """Move the service's business time."""
        async with self.write() as uow:
            shift = pg_insert(clock_offset).values(only=True, seconds=int(by.total_seconds()))
            moved = clock_offset.c.seconds + shift.excluded.seconds
            await uow.session.execute(shift.on_conflict_do_update(index_elements=["only"], set_={"seconds": moved}))

    async def consume(
        self, event: Event, *, subject: UUID, agency_id: UUID = BUREAU, event_id: UUID | None = None
    ) -> UUID:
        """Hand an event to the service's consumer, as the worker does after its inbox let it through."""
        async with self.write() as uow:
            envelope = Envelope(
                id=event_id or uuid7(),
                source="/lantai/test",
                subject=subject,
                time=uow.now,
                agency_id=agency_id,
                data=event,
            )
            handler = self.definition.consumers(self.deps)[type(event)]
            await (handler.handle(uow, [envelope]) if isinstance(handler, InBatches) else handler(uow, envelope))
        return envelope.id

    async def fire_due_timers(self) -> list[str]:
        """Fire every timer that is due, the earliest first; return their kinds."""
        fired: list[str] = []
        handlers = self.definition.timers(self.deps)
        while True:
            async with self.write() as uow:
                await uow.flush()
                due = timers.c
                row = (
                    await uow.session.execute(
                        select(timers)
                        .where(due.fired_at.is_(None), due.due_at <= uow.now)
                        .order_by(due.due_at)
                        .limit(1)
                    )
                ).first()
                if row is None:
                    return fired
                await uow.session.execute(update(timers).where(due.id == row.id).values(fired_at=uow.now))
                timer = DueTimer(row.subject, row.kind, row.due_at, json.loads(row.payload), row.attempts)
                await handlers[row.kind](uow, timer)
                fired.append(row.kind)

    async def open_timers(self, subject: UUID) -> dict[str, datetime]:
        """Return when each open timer of a subject is due."""
        async with self.deps.db.read() as session:
            rows = await session.execute(select(timers).where(timers.c.subject == subject, timers.c.fired_at.is_(None)))
            return {row.kind: row.due_at for row in rows}

    async def emitted(self, kind: type[Event] | None = None) -> list[Envelope[Event]]:
        """Return the events in the outbox, in order."""
        async with self.deps.db.read() as session:
            rows = (await session.execute(select(outbox).order_by(outbox.c.id))).all()
        found = [decode(json.loads(row.headers), row.body, EVENTS) for row in rows]
        return [envelope for envelope in found if kind is None or isinstance(envelope.data, kind)]

    async def audited(self, subject: UUID) -> list[str]:
        """Return the actions in the audit trail of a subject, in order."""
        async with self.deps.db.read() as session:
            query = (
                select(audit_entries.c.action).where(audit_entries.c.subject == subject).order_by(audit_entries.c.id)
            )
            return list((await session.execute(query)).scalars())

    async def gauges(self) -> dict[str, float]:
        """Return the service's business numbers."""
        async with self.deps.db.read() as session:
            return {gauge.name: await gauge.value(session) for gauge in self.definition.gauges}


@asynccontextmanager
async def running(definition: Definition, url: str, **settings: Any) -> AsyncIterator[ServiceUnderTest]:
    """Run a service on the migrated database at `url`, with three agencies replicated."""
    issuer = DevelopmentIssuer(env="test", url=ISSUER)
    deps = make_deps(definition.settings(service=definition.name, env=Environment.TEST, **settings), url, issuer)
    async with deps.db.write(Actor.system(definition.name)) as uow:
        rows = [{**agency, "locality": None, "active": True} for agency in AGENCIES]
        await uow.session.execute(insert(agency_replica), rows)
    app = definition.create_app(deps)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    base = f"http://service.test/api/{definition.name}/v1"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield ServiceUnderTest(definition, deps, app, client, issuer)
    await deps.db.dispose()


def new_key() -> dict[str, str]:
    """Return a fresh Idempotency-Key header."""
    return {"Idempotency-Key": str(uuid7())}
