"""From an event to its notices, and what operators do with those that failed.

Invariant: one event makes one notice for each recipient and channel, however often it is handed in.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import distinct_on

from services.notify.deliveries import rules
from services.notify.deliveries.models import REAL_NOW, Delivery
from services.notify.deliveries.notices import Addressee, Notice, nobody_with, write
from services.notify.deliveries.rules import RecipientKind, State
from services.notify.recipients.queries import chain, staff_to_tell
from services.notify.subscriptions.models import Subscription
from services.notify.subscriptions.rules import State as SubscriptionState
from services.notify.templates.packaged import of_event
from services.notify.templates.queries import effective
from services.notify.templates.render import render
from services.notify.templates.rules import Audience, Template, facts
from shared.auth import Principal, Role
from shared.auth.scope import require
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.events import Envelope, Event
from shared.events.requests import ApplicationEvent

OPERATORS = (Role.CLERK, Role.ADMIN)


async def announce(uow: UnitOfWork, envelope: Envelope[Event], *, site: str) -> None:
    """Write the notices of an event: 站内信 is delivered with this transaction, mail waits for its sender."""
    agencies = await chain(uow.session, envelope.agency_id)
    said = facts(dict(envelope.data), site=site)
    for template in await effective(uow.session, of_event(envelope.type), agencies):
        subject, body = render(template, said)
        notice = Notice(
            envelope.agency_id,
            envelope.id,
            envelope.type,
            envelope.subject,
            template.id,
            template.version,
            subject,
            body,
        )
        addressees = await _addressees(uow, template, envelope, agencies)
        await write(uow, notice, addressees)
        await _supersede(uow, notice, template, addressees)


async def retry(uow: UnitOfWork, principal: Principal, delivery_id: UUID, expected_version: int) -> Delivery:
    """Send a failed notice again, from a fresh count; one that had nobody to tell looks for people again."""
    delivery = await _open_failure(uow, principal, delivery_id, expected_version)
    if delivery.recipient_kind == RecipientKind.NOBODY:
        await _tell_after_all(uow, delivery)
    else:
        delivery.state = State.PENDING
        delivery.refusals = 0
        delivery.next_attempt_at = await uow.session.scalar(select(REAL_NOW))
        delivery.ended_at = None
    delivery.version += 1
    uow.audit("delivery.retried", subject=delivery.id, agency_id=delivery.agency_id)
    return delivery


async def settle(
    uow: UnitOfWork, principal: Principal, delivery_id: UUID, expected_version: int, note: str
) -> Delivery:
    """Say that the recipient was told in another way: the failure stays on record and its task ends."""
    delivery = await _open_failure(uow, principal, delivery_id, expected_version)
    delivery.settled_at = uow.now
    delivery.settled_by = principal.subject
    delivery.settlement = note
    delivery.version += 1
    uow.audit("delivery.settled", subject=delivery.id, agency_id=delivery.agency_id, details={"note": note})
    return delivery


async def _addressees(
    uow: UnitOfWork, template: Template, envelope: Envelope[Event], agencies: Sequence[UUID]
) -> list[Addressee]:
    match template.audience:
        case Audience.APPLICANT:
            if not isinstance(envelope.data, ApplicationEvent):
                raise TypeError(f"{envelope.type} names no applicant")
            return [Addressee(RecipientKind.APPLICANT, envelope.data.recipient_ref)]
        case Audience.SUBSCRIBERS:
            subscribed = (
                select(Subscription.id)
                .where(Subscription.agency_id.in_(list(agencies)), Subscription.state == SubscriptionState.ACTIVE)
                .ext(distinct_on(Subscription.mail_blind))
                .order_by(Subscription.mail_blind, Subscription.id)
            )
            ids = (await uow.session.execute(subscribed)).scalars()
            return [Addressee(RecipientKind.SUBSCRIBER, subscription_id) for subscription_id in ids]
        case Audience.STAFF:
            return await _staff(uow, template.roles, envelope.agency_id, agencies)


async def _staff(uow: UnitOfWork, roles: Sequence[str], agency_id: UUID, agencies: Sequence[UUID]) -> list[Addressee]:
    people, missing = await staff_to_tell(uow.session, roles, agencies)
    addressees = [Addressee(RecipientKind.STAFF, person.id, person.subject) for person in people]
    if missing:
        addressees.append(Addressee(RecipientKind.NOBODY, agency_id, roles=tuple(missing)))
    return addressees


async def _supersede(uow: UnitOfWork, notice: Notice, template: Template, addressees: Sequence[Addressee]) -> None:
    """Drop mails that this notice makes pointless and that have not gone out: only the latest reminder is sent."""
    if not template.replaces:
        return
    await uow.session.execute(
        update(Delivery)
        .where(
            Delivery.about == notice.about,
            Delivery.template_id.in_(template.replaces),
            Delivery.recipient_id.in_([addressee.id for addressee in addressees]),
            Delivery.event_id != notice.event_id,
            Delivery.state == State.PENDING,
        )
        .values(state=State.SUPERSEDED, next_attempt_at=None, ended_at=uow.now, version=Delivery.version + 1)
        .execution_options(synchronize_session=False)
    )


async def _open_failure(uow: UnitOfWork, principal: Principal, delivery_id: UUID, expected_version: int) -> Delivery:
    delivery = await uow.session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NotFound("没有这条通知。")
    await require(uow.session, principal, OPERATORS, delivery.agency_id)
    if delivery.version != expected_version:
        raise VersionMismatch(f"当前版本为 {delivery.version}。")
    rules.check_task(delivery.state_value, settled=delivery.settled_at is not None)
    return delivery


async def _tell_after_all(uow: UnitOfWork, delivery: Delivery) -> None:
    roles = (delivery.recipient_roles or "").split(",")
    found = await _staff(uow, roles, delivery.agency_id, await chain(uow.session, delivery.agency_id))
    people = [addressee for addressee in found if addressee.kind is RecipientKind.STAFF]
    if not people:
        raise rules.StillNobody()
    notice = Notice(
        delivery.agency_id,
        delivery.event_id,
        delivery.event_type,
        delivery.about,
        delivery.template_id,
        delivery.template_version,
        delivery.subject,
        delivery.body,
    )
    await write(uow, notice, people)
    still_missing = [role for addressee in found for role in addressee.roles]
    if still_missing:
        delivery.recipient_roles = ",".join(still_missing)
        delivery.error = nobody_with(still_missing)
    else:
        delivery.state = State.SUPERSEDED
