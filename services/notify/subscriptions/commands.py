"""Asking for, confirming and ending a subscription. Whoever asks learns nothing about whether the address is known."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.notify.deliveries.notices import Addressee, Notice, write
from services.notify.deliveries.rules import RecipientKind
from services.notify.recipients.commands import blind_mail
from services.notify.settings import NotifySettings
from services.notify.subscriptions import links, rules
from services.notify.subscriptions.models import MAIL_CONTEXT, Subscription
from services.notify.subscriptions.rules import Known, LinkUnknown, State
from shared.crypto import Vault, mask_email
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.replicas import agencies

TEMPLATE = "subscription.confirmation"
EVENT = "subscription.requested"
SUBJECT = "请确认订阅：{agency}"
BODY = """您好：

有人（可能是您）用此邮箱订阅了 {agency} 的公开文件通知。请打开下面的链接确认，确认之前不会向您发送通知。

如果不是您本人操作，请忽略此邮件。
"""


async def request(uow: UnitOfWork, agency_id: UUID, mail: str, *, vault: Vault, settings: NotifySettings) -> None:
    """Ask for a subscription: its owner gets a link to confirm, unless they subscribe already or were just asked."""
    agency = await agencies.get(uow.session, agency_id)
    blind = blind_mail(vault, mail)
    values = {
        "id": uuid7(),
        "agency_id": agency_id,
        "mail_sealed": vault.seal(mail, context=MAIL_CONTEXT),
        "mail_masked": mask_email(mail),
        "mail_blind": blind,
        "state": State.PENDING,
        "requested_at": uow.now,
    }
    made = await uow.session.execute(
        insert(Subscription).values(values).on_conflict_do_nothing().returning(Subscription.id)
    )
    fresh = made.scalar_one_or_none() is not None
    row = (
        await uow.session.execute(
            select(Subscription)
            .where(Subscription.mail_blind == blind, Subscription.agency_id == agency_id)
            .with_for_update()
        )
    ).scalar_one()
    known = None if fresh else Known(State(row.state), row.requested_at)
    if not rules.must_ask(known, uow.now, timedelta(seconds=settings.confirmation_pause_seconds)):
        return
    row.state, row.requested_at, row.ended_at = State.PENDING, uow.now, None
    notice = Notice(
        agency_id,
        uuid7(),
        EVENT,
        row.id,
        TEMPLATE,
        0,
        SUBJECT.format(agency=agency.name),
        BODY.format(agency=agency.name),
    )
    await uow.session.flush()
    await write(uow, notice, [Addressee(RecipientKind.SUBSCRIBER, row.id)])
    uow.audit("subscription.requested", subject=row.id, agency_id=agency_id, details={"mail": row.mail_masked})


async def confirm(
    uow: UnitOfWork, subscription_id: UUID, token: str, *, vault: Vault, settings: NotifySettings
) -> Subscription:
    """Confirm by the link from the mail; doing it twice changes nothing."""
    row = await _of_link(uow, subscription_id, links.CONFIRM, token, vault)
    known = Known(State(row.state), row.requested_at)
    if rules.confirm(known, uow.now, timedelta(days=settings.confirmation_days)):
        row.state, row.confirmed_at = State.ACTIVE, uow.now
        uow.audit("subscription.confirmed", subject=row.id, agency_id=row.agency_id)
    return row


async def end(uow: UnitOfWork, subscription_id: UUID, token: str, *, vault: Vault) -> Subscription:
    """End by the link that every notice carries; doing it twice changes nothing."""
    row = await _of_link(uow, subscription_id, links.END, token, vault)
    if row.state != State.ENDED:
        row.state, row.ended_at = State.ENDED, uow.now
        uow.audit("subscription.ended", subject=row.id, agency_id=row.agency_id)
    return row


async def _of_link(uow: UnitOfWork, subscription_id: UUID, purpose: str, token: str, vault: Vault) -> Subscription:
    right = links.is_token(vault, subscription_id, purpose, token)
    row = await uow.session.get(Subscription, subscription_id, with_for_update=True) if right else None
    if row is None:
        raise LinkUnknown()
    return row
