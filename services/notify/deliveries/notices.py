"""Writing a notice: one row for each addressee and channel, and the events that tell of its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.notify.deliveries.models import REAL_NOW, Delivery
from services.notify.deliveries.rules import Channel, RecipientKind, State
from shared.auth import Role
from shared.db.ids import uuid7
from shared.db.uow import UnitOfWork
from shared.events import notify as events

INSERTED_AT_ONCE = 500


@dataclass(frozen=True)
class Addressee:
    """Whom a notice is for, and who reads it as 站内信."""

    kind: RecipientKind
    id: UUID
    inbox_subject: str | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Notice:
    """A text that is ready, and what it is about."""

    agency_id: UUID
    event_id: UUID
    event_type: str
    about: UUID
    template_id: str
    template_version: int
    subject: str
    body: str


async def write(uow: UnitOfWork, notice: Notice, addressees: Sequence[Addressee]) -> None:
    """Write one delivery per addressee and channel; those that exist already stay as they are."""
    rows = [row for addressee in addressees for row in _rows(uow, notice, addressee)]
    for start in range(0, len(rows), INSERTED_AT_ONCE):
        statement = insert(Delivery).values(rows[start : start + INSERTED_AT_ONCE])
        fresh = statement.on_conflict_do_nothing(index_elements=["event_id", "recipient_id", "channel"])
        written = await uow.session.execute(fresh.returning(Delivery.id, Delivery.channel, Delivery.state))
        for delivery_id, channel, state in written.all():
            if state == State.DELIVERED:
                emit_delivered(uow, notice, delivery_id, channel, proof=str(delivery_id))
            elif state == State.FAILED:
                emit_failed(uow, notice, delivery_id, channel, "没有可通知的人员")


def emit_delivered(
    uow: UnitOfWork, notice: Notice | Delivery, delivery_id: UUID, channel: str, *, proof: str, doubled: bool = False
) -> None:
    """Say that a notice arrived, with the proof."""
    delivered = events.NoticeDelivered(
        delivery_id=delivery_id,
        about=notice.about,
        template=notice.template_id,
        channel=channel,
        at=uow.now,
        provider_message_id=proof,
        possibly_doubled=doubled,
    )
    uow.emit(delivered, subject=delivery_id, agency_id=notice.agency_id)


def emit_failed(uow: UnitOfWork, notice: Notice | Delivery, delivery_id: UUID, channel: str, reason: str) -> None:
    """Say that a person has to act."""
    failed = events.NoticeFailed(
        delivery_id=delivery_id,
        about=notice.about,
        template=notice.template_id,
        channel=channel,
        at=uow.now,
        reason=reason,
    )
    uow.emit(failed, subject=delivery_id, agency_id=notice.agency_id)


def nobody_with(roles: Sequence[str]) -> str:
    return "没有登记接收人：" + "、".join(Role(role).label for role in roles)


def _rows(uow: UnitOfWork, notice: Notice, addressee: Addressee) -> list[dict[str, Any]]:
    if addressee.kind is RecipientKind.NOBODY:
        failed = {"state": State.FAILED, "error": nobody_with(addressee.roles), "ended_at": uow.now}
        return [_row(uow, notice, addressee, Channel.MAIL, failed)]
    rows = [_row(uow, notice, addressee, Channel.MAIL, {"state": State.PENDING, "next_attempt_at": REAL_NOW})]
    if addressee.inbox_subject is not None:
        delivered = {"state": State.DELIVERED, "ended_at": uow.now}
        rows.append(_row(uow, notice, addressee, Channel.INBOX, delivered))
    return rows


def _row(
    uow: UnitOfWork, notice: Notice, addressee: Addressee, channel: Channel, state: dict[str, Any]
) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "agency_id": notice.agency_id,
        "version": 1,
        "event_id": notice.event_id,
        "event_type": notice.event_type,
        "about": notice.about,
        "recipient_kind": addressee.kind,
        "recipient_id": addressee.id,
        "recipient_roles": ",".join(addressee.roles) or None,
        "inbox_subject": addressee.inbox_subject if channel is Channel.INBOX else None,
        "channel": channel,
        "template_id": notice.template_id,
        "template_version": notice.template_version,
        "subject": notice.subject,
        "body": notice.body,
        "created_at": uow.now,
        "attempts": 0,
        "refusals": 0,
        "possibly_doubled": False,
        "next_attempt_at": None,
        "error": None,
        "ended_at": None,
    } | state
