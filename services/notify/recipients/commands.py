"""Keeping the list of recipients."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from services.notify.recipients.models import MAIL_CONTEXT, MAIL_PURPOSE, Recipient
from services.notify.recipients.queries import KEEPERS
from services.notify.recipients.rules import RecipientExists
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.crypto import Vault, mask_email
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.replicas import agencies


@dataclass(frozen=True)
class NewRecipient:
    """Who is told of what concerns a role at an agency."""

    agency_id: UUID
    role: Role
    name: str
    mail: str
    subject: str | None


@dataclass(frozen=True)
class RecipientChange:
    """The new state of what may change."""

    name: str
    mail: str | None
    subject: str | None
    active: bool


def blind_mail(vault: Vault, mail: str) -> str:
    """Return the blind index of an address; the same person's rows share it."""
    return vault.blind(mail.lower(), purpose=MAIL_PURPOSE)


async def register(uow: UnitOfWork, principal: Principal, new: NewRecipient, *, vault: Vault) -> Recipient:
    """Register a recipient; raises RecipientExists for the same address in the same role."""
    await agencies.get(uow.session, new.agency_id)
    await require(uow.session, principal, KEEPERS, new.agency_id)
    values = {
        "id": uuid7(),
        "agency_id": new.agency_id,
        "version": 1,
        "role": new.role.value,
        "name": new.name,
        "mail_sealed": vault.seal(new.mail, context=MAIL_CONTEXT),
        "mail_masked": mask_email(new.mail),
        "mail_blind": blind_mail(vault, new.mail),
        "subject": new.subject,
        "active": True,
        "created_at": uow.now,
    }
    statement = insert(Recipient).values(values).on_conflict_do_nothing().returning(Recipient)
    row = (await uow.session.execute(statement)).scalar_one_or_none()
    if row is None:
        raise RecipientExists()
    details = {"role": row.role, "mail": row.mail_masked}
    uow.audit("recipient.registered", subject=row.id, agency_id=row.agency_id, details=details)
    return row


async def change(
    uow: UnitOfWork,
    principal: Principal,
    recipient_id: UUID,
    expected_version: int,
    new: RecipientChange,
    *,
    vault: Vault,
) -> Recipient:
    """Change a recipient, or stop (`active` false) and resume telling them."""
    row = await uow.session.get(Recipient, recipient_id, with_for_update=True)
    if row is None:
        raise NotFound("没有这位接收人。")
    await require(uow.session, principal, KEEPERS, row.agency_id)
    if row.version != expected_version:
        raise VersionMismatch(f"当前版本为 {row.version}。")
    if new.mail is not None:
        row.mail_sealed = vault.seal(new.mail, context=MAIL_CONTEXT)
        row.mail_masked = mask_email(new.mail)
        row.mail_blind = blind_mail(vault, new.mail)
    row.name, row.subject, row.active = new.name, new.subject, new.active
    row.version += 1
    try:
        await uow.session.flush()
    except IntegrityError:
        raise RecipientExists() from None
    details = {"mail": row.mail_masked, "active": row.active}
    uow.audit("recipient.changed", subject=row.id, agency_id=row.agency_id, details=details)
    return row
