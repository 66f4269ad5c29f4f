"""What tests do with the notify service: register people, hand in events, send mail, look at what became of it."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI, Header, HTTPException
from sqlalchemy import Interval, bindparam, text

from services.notify.channels.smtp import MailChannel, SmtpChannel
from services.notify.deliveries.contacts import Contacts
from services.notify.deliveries.sending import Sender
from shared.auth import Role, ServiceTokens
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.events.requests import ApplicationDueSoon, ApplicationOverdue, ApplicationRegistered, ApplicationState
from shared.events.sentiment import IncidentEscalated, IncidentLevel
from shared.http.client import internal_client
from tests.kit.apps import BUREAU, TEST_SECRET, ServiceUnderTest, new_key
from tests.kit.smtp import ScriptedSmtp

MAIL_FROM = "notice@lantai.test"
QUICK: dict[str, Any] = {
    "mail_from": MAIL_FROM,
    "smtp_command_seconds": 0.5,
    "smtp_conversation_seconds": 2,
    "contact_seconds": 0.5,
    "mail_lease_seconds": 60,
    "mail_pause_seconds": 60,
    "mail_refusals": 3,
    "base_url": "http://lantai.test",
}
APPLICANT = UUID("0191d000-0000-7000-8000-0000000000a1")
CASE = UUID("0191d000-0000-7000-8000-0000000000c1")


@dataclass
class ContactsService:
    """The internal contacts route of the requests service, as notify calls it."""

    app: FastAPI
    known: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    away: bool = False
    asked: int = 0


def contacts_service() -> ContactsService:
    """Return the stand-in; it checks the service token as the real one does."""
    service = ContactsService(FastAPI())
    tokens = ServiceTokens(TEST_SECRET, "requests")

    @service.app.get("/api/requests/internal/v1/contacts/{ref}")
    async def contact(ref: UUID, lantai_service_token: str = Header()) -> dict[str, Any]:
        assert tokens.verify(lantai_service_token).service == "notify"
        service.asked += 1
        if service.away:
            raise HTTPException(503)
        if ref not in service.known:
            raise HTTPException(404)
        return service.known[ref]

    service.known[APPLICANT] = {"name_masked": "张*", "email": "zhang@example.cn", "phone": None}
    return service


@dataclass(frozen=True)
class Office:
    """The service under test with its mail server and its neighbour."""

    notify: ServiceUnderTest
    smtp: ScriptedSmtp
    contacts: ContactsService

    def sender(self, channel: MailChannel | None = None, db: Database | None = None) -> Sender:
        """Return a mail sender as the worker makes it, over its own channel and database unless others are given."""
        deps = self.notify.deps
        requests = internal_client(
            "http://requests.test",
            lambda: deps.service_tokens.issue("requests"),
            timeout_seconds=0.5,
            transport=httpx.ASGITransport(self.contacts.app),
        )
        contacts = Contacts(deps.db, deps.vault, requests, deps.settings)
        return Sender(db or deps.db, channel or SmtpChannel(deps.settings), contacts, deps.settings)

    async def send(self) -> int:
        """Send one batch."""
        return await self.sender().run_once()

    async def send_later(self, after: timedelta = timedelta(hours=1)) -> int:
        """Send one batch as if that much real time had passed."""
        async with self.notify.write() as uow:
            await uow.session.execute(
                text(
                    "UPDATE deliveries SET created_at = created_at - :after,"
                    " next_attempt_at = next_attempt_at - :after, lease_until = lease_until - :after"
                ).bindparams(bindparam("after", after, Interval))
            )
        return await self.send()

    async def staff(
        self, role: Role = Role.CLERK, agency: UUID = BUREAU, *, mail: str | None = None, subject: str | None = None
    ) -> dict[str, Any]:
        """Register a recipient as the agency's admin."""
        body = {
            "agency_id": str(agency),
            "role": role.value,
            "name": "王工",
            "mail": mail or f"{role.value}@example.gov.cn",
            "subject": subject,
        }
        response = await self.notify.client.post(
            "/recipients", json=body, headers=self.notify.staff(Role.ADMIN, agency) | new_key()
        )
        assert response.status_code == 201, response.text
        registered: dict[str, Any] = response.json()
        return registered

    async def deliveries(self, role: Role = Role.CLERK, agency: UUID = BUREAU, **params: Any) -> list[dict[str, Any]]:
        """List deliveries, the oldest first."""
        response = await self.notify.client.get("/deliveries", params=params, headers=self.notify.staff(role, agency))
        assert response.status_code == 200, response.text
        items: list[dict[str, Any]] = response.json()["items"]
        return items[::-1]

    async def delivery(self, delivery_id: str) -> dict[str, Any]:
        """Read one delivery wholly."""
        response = await self.notify.client.get(f"/deliveries/{delivery_id}", headers=self.notify.staff(Role.CLERK))
        assert response.status_code == 200, response.text
        read: dict[str, Any] = response.json()
        return read

    async def only(self, **params: Any) -> dict[str, Any]:
        """Return the only delivery there is, wholly."""
        [found] = await self.deliveries(**params)
        return await self.delivery(found["id"])

    async def registered(self, event_id: UUID | None = None) -> UUID:
        """Hand in that an applicant's case was registered."""
        return await self.notify.consume(application(ApplicationRegistered), subject=CASE, event_id=event_id)

    async def due_soon(self, days_left: int) -> UUID:
        """Hand in a reminder."""
        return await self.notify.consume(application(ApplicationDueSoon, days_left=days_left), subject=CASE)

    async def overdue(self) -> UUID:
        """Hand in that the case is overdue."""
        return await self.notify.consume(application(ApplicationOverdue), subject=CASE)

    async def escalated(self, agency: UUID = BUREAU) -> UUID:
        """Hand in that an incident's clock ran out."""
        incident = uuid7()
        event = IncidentEscalated(
            incident_id=incident,
            title="城东化工园区火灾舆情",
            agency_name="青山县应急管理局",
            level=IncidentLevel.EXTREMELY_SERIOUS,
            step="release",
            due_at=datetime.fromisoformat("2026-11-22T03:30:00+08:00"),
            citation="国办发〔2016〕80号",
        )
        return await self.notify.consume(event, subject=incident, agency_id=agency)


def application(kind: type[Any], **fields: Any) -> Any:
    """Return an event of the test's case."""
    common = {
        "application_id": CASE,
        "receipt_number": "330106-2026-000001",
        "agency_name": "青山县应急管理局",
        "recipient_ref": APPLICANT,
        "state": ApplicationState.RUNNING,
        "due_on": date(2026, 12, 18),
        "provisional": False,
    }
    return kind(**common | fields)


async def subscribe(office: Office, mail: str, agency: UUID = BUREAU) -> str:
    """Subscribe an address and confirm by the link in the mail; return the subscription's id."""
    asked = await office.notify.client.post(
        "/subscriptions", json={"agency_id": str(agency), "mail": mail}, headers=new_key()
    )
    assert asked.status_code == 202, asked.text
    await office.send()
    link = link_in(office.smtp.to(mail)[-1], "confirmation")
    confirmed = await office.notify.client.post(f"http://service.test{link}")
    assert confirmed.status_code == 200, confirmed.text
    return link.split("/")[-2]


def link_in(message: EmailMessage, purpose: str) -> str:
    """Return the path of a link in a mail."""
    [line] = [line for line in message.get_content().splitlines() if f"/{purpose}?" in line]
    return line.removeprefix("http://lantai.test")
