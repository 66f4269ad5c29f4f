"""Where a recipient is reached, read just before sending.

Staff and subscribers are sealed in this service; an applicant's contact belongs to the requests service and is asked
of it each time, so that a corrected address counts at once and none is kept here but its mask.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.notify.channels.addresses import is_address
from services.notify.deliveries.rules import Attempt, Outcome, RecipientKind
from services.notify.recipients.models import MAIL_CONTEXT as RECIPIENT_CONTEXT
from services.notify.recipients.models import Recipient
from services.notify.settings import NotifySettings
from services.notify.subscriptions import links
from services.notify.subscriptions.models import MAIL_CONTEXT as SUBSCRIPTION_CONTEXT
from services.notify.subscriptions.models import Subscription
from services.notify.subscriptions.rules import State
from shared.crypto import Vault, mask_email
from shared.db.engine import Database
from shared.http.client import InternalClient, ServiceUnreachable


@dataclass(frozen=True)
class Contact:
    """An address, its mask, and the links that only its owner gets."""

    mail: str
    masked: str
    links: tuple[tuple[str, str], ...] = ()
    unsubscribe: str | None = None


class Directory(Protocol):
    """Answers where somebody is reached, or how the attempt ends without sending."""

    async def find(self, kind: RecipientKind, recipient_id: UUID) -> Contact | Attempt: ...


class Contacts:
    """The directory of this service."""

    def __init__(self, db: Database, vault: Vault, requests: InternalClient, settings: NotifySettings) -> None:
        self._db = db
        self._vault = vault
        self._requests = requests
        self._settings = settings

    async def find(self, kind: RecipientKind, recipient_id: UUID) -> Contact | Attempt:
        """Return where the recipient is reached now."""
        match kind:
            case RecipientKind.STAFF:
                return await self._staff(recipient_id)
            case RecipientKind.SUBSCRIBER:
                return await self._subscriber(recipient_id)
            case RecipientKind.APPLICANT:
                return await self._applicant(recipient_id)
            case RecipientKind.NOBODY:
                return Attempt(Outcome.REFUSED, "没有登记接收人")

    async def _staff(self, recipient_id: UUID) -> Contact | Attempt:
        async with self._db.read() as session:
            row = await session.get(Recipient, recipient_id)
        if row is None or not row.active:
            return Attempt(Outcome.NOT_WANTED, "接收人已停用")
        return Contact(self._vault.open(row.mail_sealed, context=RECIPIENT_CONTEXT), row.mail_masked)

    async def _subscriber(self, subscription_id: UUID) -> Contact | Attempt:
        async with self._db.read() as session:
            row = await session.get(Subscription, subscription_id)
        if row is None or row.state == State.ENDED:
            return Attempt(Outcome.NOT_WANTED, "订阅已取消")
        mail = self._vault.open(row.mail_sealed, context=SUBSCRIPTION_CONTEXT)
        site = self._settings.base_url
        if row.state == State.PENDING:
            return Contact(mail, row.mail_masked, (("确认订阅", links.confirmation(self._vault, row.id, site)),))
        ending = links.ending(self._vault, row.id, site)
        return Contact(mail, row.mail_masked, (("取消订阅", ending),), unsubscribe=ending)

    async def _applicant(self, recipient_ref: UUID) -> Contact | Attempt:
        try:
            found = await self._requests.get(f"/api/requests/internal/v1/contacts/{recipient_ref}")
        except ServiceUnreachable as error:
            return Attempt(Outcome.NOT_SENT, f"暂时无法读取申请人联系方式（{error}）")
        if found is None:
            return Attempt(Outcome.REFUSED, "没有这位申请人的联系方式")
        mail = found.get("email")
        if not mail:
            return Attempt(Outcome.REFUSED, "申请人未提供电子邮箱，请以其他方式告知")
        if not isinstance(mail, str) or not is_address(mail):
            return Attempt(Outcome.REFUSED, "申请人的电子邮箱无法投递，请以其他方式告知")
        return Contact(mail, mask_email(mail))
