"""Sends the mail that waits: claim, commit, speak, record.

A claimed mail is `sending` under a lease before the first byte leaves, and every later write names that lease. Whoever
dies in between leaves a lease that runs out: nobody knows whether the server took the mail, so it becomes `unknown`
and is sent again under the same Message-ID, marked as possibly doubled. Two senders never hold one mail (SKIP LOCKED).
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import stamina
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from services.notify.channels.message import Letter, compose
from services.notify.channels.smtp import MailChannel
from services.notify.deliveries import rules
from services.notify.deliveries.contacts import Contact, Directory
from services.notify.deliveries.lanes import Lanes, ProviderSilent
from services.notify.deliveries.models import REAL_NOW, Delivery
from services.notify.deliveries.notices import emit_delivered, emit_failed
from services.notify.deliveries.rules import Attempt, Channel, Outcome, RecipientKind, State
from services.notify.settings import NotifySettings
from shared.crypto import SealedValueError
from shared.db.engine import Database
from shared.db.uow import Actor, UnitOfWork
from shared.service.background import Well

DRAIN_SECONDS = 4.0
RECORD_ATTEMPTS = 5
RECORD_SECONDS = 20.0
ANSWERS = (Outcome.ACCEPTED, Outcome.REFUSED, Outcome.REFUSED_FOR_NOW)
PROVIDER_SILENT = "该邮箱的服务商暂无响应，稍后再试"
LEASE_RAN_OUT = "发送进程中断，不知邮件服务器是否已接收"

log = structlog.get_logger()


@dataclass(frozen=True)
class Claim:
    """A mail that is ours until its lease runs out."""

    id: UUID
    lease: UUID
    kind: RecipientKind
    recipient_id: UUID
    message_id: str
    subject: str
    body: str
    written_at: datetime


class Sender:
    """Sends waiting mail; several may run side by side."""

    def __init__(self, db: Database, channel: MailChannel, directory: Directory, settings: NotifySettings) -> None:
        self._db = db
        self._channel = channel
        self._directory = directory
        self._settings = settings
        self._actor = Actor.system(db.service)
        self._lanes = Lanes(
            settings.mail_parallel,
            patience_seconds=settings.mail_patience_seconds,
            rest_seconds=settings.mail_pause_seconds,
        )

    async def run(self, well: Well = lambda: None) -> None:
        """Send until cancelled, filling places as they fall free; then what is in conversation may end, for a while."""
        crew = Crew(self._lanes.stuck)
        try:
            while True:
                room = self._settings.mail_parallel - crew.busy
                try:
                    started = await self._start(crew, room) if 2 * room >= self._settings.mail_parallel else 0
                    well()
                except (SQLAlchemyError, OSError) as error:
                    log.warning("mail_sender_waits", error=type(error).__name__)
                    started = 0
                if not started:
                    await crew.change(self._settings.mail_poll_seconds)
        finally:
            await crew.disband()

    async def run_once(self) -> int:
        """Send one batch to its end; return how many mails were tried."""
        crew = Crew(self._lanes.stuck)
        try:
            started = await self._start(crew, self._settings.mail_parallel)
            await crew.finish()
        finally:
            await crew.disband()
        return started

    async def _start(self, crew: "Crew", room: int) -> int:
        """Begin to send what waits, as far as there is room; return how many mails."""
        await self._give_up_lost()
        if not self._settings.smtp_host:
            return 0
        claims = await self._claim(room)
        for claim in claims:
            crew.begin(self._deliver(claim))
        return len(claims)

    async def _give_up_lost(self) -> None:
        """Turn mails whose sender died into `unknown` ones."""
        async with self._db.write(self._actor) as uow:
            query = (
                select(Delivery, REAL_NOW)
                .where(Delivery.state == State.SENDING, Delivery.lease_until <= REAL_NOW)
                .limit(self._settings.mail_parallel)
                .with_for_update(skip_locked=True)
            )
            for delivery, real_now in await uow.session.execute(query):
                self._apply(uow, delivery, Attempt(Outcome.LOST, LEASE_RAN_OUT), real_now)

    async def _claim(self, room: int) -> list[Claim]:
        """Mark the mails that wait longest as ours, and commit that before anything is sent.

        No more than can be spoken for at once: a mail that queued behind others would lose its lease unsent.
        """
        async with self._db.write(self._actor) as uow:
            query = (
                select(Delivery, REAL_NOW)
                .where(
                    Delivery.state.in_([State.PENDING, State.UNKNOWN]),
                    Delivery.channel == Channel.MAIL,
                    Delivery.next_attempt_at <= REAL_NOW,
                )
                .order_by(Delivery.next_attempt_at, Delivery.id)
                .limit(room)
                .with_for_update(skip_locked=True)
            )
            return [self._take(delivery, real_now) for delivery, real_now in await uow.session.execute(query)]

    def _take(self, delivery: Delivery, real_now: datetime) -> Claim:
        lease = uuid4()
        delivery.possibly_doubled = delivery.possibly_doubled or delivery.state == State.UNKNOWN
        delivery.state = State.SENDING
        delivery.attempts += 1
        delivery.next_attempt_at = None
        delivery.lease_token = lease
        delivery.lease_until = real_now + timedelta(seconds=self._settings.mail_lease_seconds)
        delivery.message_id = delivery.message_id or f"<{delivery.id}@{self._settings.mail_domain}>"
        delivery.version += 1
        return Claim(
            delivery.id,
            lease,
            RecipientKind(delivery.recipient_kind),
            delivery.recipient_id,
            delivery.message_id,
            delivery.subject,
            delivery.body,
            delivery.created_at,
        )

    async def _deliver(self, claim: Claim) -> None:
        try:
            contact = await self._directory.find(claim.kind, claim.recipient_id)
        except SealedValueError as error:
            log.error("contact_not_readable", delivery=str(claim.id), error=str(error))
            contact = Attempt(Outcome.NOT_SENT, "无法解密联系方式：请检查 LANTAI_DATA_KEYS")
        if isinstance(contact, Attempt):
            await self._record(claim, contact, None)
            return
        await self._record(claim, await self._talk(claim, contact), contact)

    async def _talk(self, claim: Claim, contact: Contact) -> Attempt:
        """Hand the mail to the server, unless its provider leaves others unanswered."""
        try:
            async with self._lanes.talking_to(contact.mail.rpartition("@")[2].lower()) as talk:
                attempt = await self._channel.send(self._letter(claim, contact), contact.mail)
                talk.answered = attempt.outcome in ANSWERS
                return attempt
        except ProviderSilent:
            return Attempt(Outcome.HELD, PROVIDER_SILENT)

    def _letter(self, claim: Claim, contact: Contact) -> EmailMessage:
        letter = Letter(
            claim.message_id,
            contact.mail,
            claim.subject,
            claim.body,
            claim.written_at,
            contact.links,
            contact.unsubscribe,
        )
        return compose(letter, sender=self._settings.mail_from, sender_name=self._settings.mail_from_name)

    @stamina.retry(on=(SQLAlchemyError, OSError), attempts=RECORD_ATTEMPTS, timeout=RECORD_SECONDS)
    async def _record(self, claim: Claim, attempt: Attempt, contact: Contact | None) -> None:
        async with self._db.write(self._actor) as uow:
            ours = select(Delivery, REAL_NOW).where(Delivery.id == claim.id, Delivery.lease_token == claim.lease)
            found = (await uow.session.execute(ours.with_for_update())).one_or_none()
            if found is None:
                log.warning("mail_lease_lost", delivery=str(claim.id), outcome=attempt.outcome.value)
                return
            delivery, real_now = found
            if contact is not None:
                delivery.sent_to_masked = contact.masked
            self._apply(uow, delivery, attempt, real_now)
        log.info("mail_attempted", delivery=str(claim.id), outcome=attempt.outcome.value)

    def _apply(self, uow: UnitOfWork, delivery: Delivery, attempt: Attempt, real_now: datetime) -> None:
        """Write what a delivery becomes after an attempt, and tell of its end."""
        if attempt.outcome is Outcome.HELD:
            delivery.attempts -= 1
        following = rules.after(
            attempt,
            attempts=delivery.attempts,
            refusals=delivery.refusals,
            policy=self._settings.retry_policy,
        )
        delivery.state = following.state
        delivery.refusals = following.refusals
        delivery.next_attempt_at = real_now + following.pause if following.pause is not None else None
        delivery.ended_at = uow.now if following.pause is None else None
        delivery.lease_token = delivery.lease_until = None
        delivery.version += 1
        if following.state is State.DELIVERED:
            delivery.proof, delivery.error = attempt.answer, None
            doubled = delivery.possibly_doubled
            emit_delivered(uow, delivery, delivery.id, delivery.channel, proof=attempt.answer, doubled=doubled)
        else:
            delivery.error = attempt.answer
        if following.state is State.FAILED:
            emit_failed(uow, delivery, delivery.id, delivery.channel, attempt.answer)


class Crew:
    """The mails in work. One that fails disturbs no other; those that are stuck take no place."""

    def __init__(self, stuck: Callable[[], int]) -> None:
        self._stuck = stuck
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> int:
        return len(self._tasks) - self._stuck()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("mail_not_recorded", exc_info=error)

    async def change(self, seconds: float) -> None:
        """Wait until a mail is done, or for so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(seconds)

    async def finish(self) -> None:
        """Wait for all."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def disband(self) -> None:
        """Let what has begun end within a few seconds, and cancel the rest."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)
        for task in list(self._tasks):
            task.cancel()
