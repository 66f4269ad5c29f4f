"""The internal route by which notify learns where to send a notice. Every reading is audited."""

from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import select

from services.requests.applications.answers import AtDesk
from services.requests.applications.models import Application
from services.requests.applications.personal import Personal
from shared.auth import Forbidden, FromService
from shared.errors import NotFound
from shared.http.bodies import Output
from shared.http.sessions import Write

READERS = ("notify",)

internal = APIRouter(prefix="/api/requests/internal/v1")


class ContactBody(Output):
    """Where an applicant can be reached."""

    name_masked: str
    email: str | None
    phone: str | None


@internal.get("/contacts/{recipient_ref}")
async def get_contact(recipient_ref: UUID, caller: FromService, uow: Write, desk: AtDesk) -> ContactBody:
    """Open the contact behind a reference; the case, the caller and the time go into the audit trail."""
    if caller.service not in READERS:
        raise Forbidden("此接口仅供通知服务调用。")
    wanted = select(Application).where(Application.recipient_ref == recipient_ref)
    row = (await uow.session.execute(wanted)).scalar_one_or_none()
    if row is None:
        raise NotFound()
    uow.audit("application.contact_read", subject=row.id, agency_id=row.agency_id, details={"by": caller.service})
    personal = Personal.open(desk.vault, row.personal_sealed)
    return ContactBody(name_masked=row.applicant_masked, email=personal.email, phone=personal.phone)
