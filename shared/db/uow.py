"""The unit of work: one transaction that holds the rows, the events, the timers and the audit entries of a command.

Everything is written before the commit and the commit comes before the answer. Nothing else in the house commits
(an architecture test says so). `now` is the database's clock plus the `clock_offset` row, never the process's: it is
asked for, or reckoned from the last answer and then looked at by the statement that writes (`Presumption`).
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, Literal, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row, Table, bindparam, select

from shared.calendar import civil_day
from shared.db.batch import Batch
from shared.db.clock import ASK_NOW
from shared.db.driver import Transaction
from shared.db.ids import uuid7
from shared.db.reckoning import ReckonedClock
from shared.db.sessions import WriteSession
from shared.db.spine import audit_entries, outbox
from shared.db.timer_changes import TimerChanges
from shared.events import Envelope, Event, encode
from shared.telemetry.trace import current_traceparent

AS_TEXT = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME


class Question(NamedTuple):
    """What a unit of work asks first: one statement, whose first row has the time in its column `now`.

    One that writes nothing and holds nothing is asked `ahead` of the transaction, which then begins with the first
    statement that has to be in it; what is written all at once in the end needs none.
    """

    sql: str = ASK_NOW
    values: tuple[Any, ...] = ()
    ahead: bool = False


TIME = Question(ahead=True)


class Presumption(NamedTuple):
    """Instead of a question: the first statement, which raises unless what its writer presumes is so.

    It is run before all others of the transaction, and where none begins it is a part of the one statement that writes
    everything. The time is reckoned; `{0}` stands for `now` and the time since, when it is sent, and has to be checked
    (`shared.db.reckoning.HOLDS`); the values follow from `{1}` on.
    """

    sql: str
    values: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Actor:
    """Who acts: a member of staff, the public, or the system itself."""

    kind: Literal["staff", "public", "system"]
    id: str
    name: str

    @staticmethod
    def system(service: str) -> "Actor":
        return Actor("system", service, f"系统（{service}）")


PUBLIC = Actor("public", "public", "公众")
NO_AGENCY = UUID(int=0)
"""In the audit trail of what belongs to no agency."""


class VersionsCollide(ValueError):
    """A compacted topic keeps one record of a key: two versions of a fact need two topics there."""


class UnitOfWork:
    """Collects what a command decides and writes it in one transaction. Made by `Database.write`."""

    def __init__(self, transaction: Transaction, service: str, actor: Actor, told: list[Any]) -> None:
        self.service = service
        self.actor = actor
        self.told = told
        self.now: datetime = told[0]["now"]
        self.wakes_relay = False
        self.steps = 0
        self._transaction = transaction
        self._batch = Batch()
        self._outbox: list[dict[str, Any]] = []
        self._audit: list[dict[str, Any]] = []
        self._timers = TimerChanges()

    @classmethod
    async def begun_with(
        cls,
        transaction: Transaction,
        service: str,
        actor: Actor,
        question: Question | Presumption,
        clock: ReckonedClock,
        within_seconds: float | None,
    ) -> "UnitOfWork":
        """Ask for the time, and for what else the question holds: its rows are `told`."""
        began, known = time.monotonic(), clock.now() if isinstance(question, Presumption) else None
        if known is not None:
            told: list[Any] = [{"now": known}]
        else:
            asked = question if isinstance(question, Question) else TIME
            if not asked.ahead:
                await transaction.begin(within_seconds)
            told = await transaction.ask(asked.sql, asked.values, within_seconds)
            clock.learn(told[0]["now"], began)
        uow = cls(transaction, service, actor, told)
        if isinstance(question, Presumption):
            transaction.first = lambda: (
                question.sql,
                (uow.now + timedelta(seconds=time.monotonic() - began), *question.values),
            )
        return uow

    @property
    def begun(self) -> bool:
        """Whether statements have been run in the transaction; if not, what is collected is written as one."""
        return self._transaction.begun

    @property
    def presumed_rightly(self) -> bool:
        """Whether the database has run the statement of a `Presumption`, and its transaction goes on."""
        return self.begun and self._transaction.first is None

    @property
    def session(self) -> WriteSession:
        """A session in this transaction, opened when it is first asked for."""
        return self._transaction.session

    def unchanged_since(self, steps: int) -> bool:
        """Whether nothing was asked or collected since `steps` was read; of a session's doings nobody can tell."""
        return self.steps == steps and not self._transaction.has_session

    @cached_property
    def today(self) -> date:
        """The civil day in Asia/Shanghai at `now`."""
        return civil_day(self.now)

    async def fetch(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement on the driver's own connection, in this transaction, and return its rows."""
        self.steps += 1
        return await self._transaction.fetch(sql, *values)

    def insert(self, table: Table, *rows: Mapping[str, Any], conflict: str = "") -> None:
        """Insert rows together with everything else that is collected here: a query sees them after `flush`.

        `conflict` is the ON CONFLICT clause, if any.
        """
        self.steps += 1
        self._batch.insert(table, rows, conflict)

    def also(self, sql: str, *values: Any) -> None:
        """Run a statement together with everything else that is collected here; `{0}` is where its first value goes."""
        self.steps += 1
        self._batch.also(sql, *values)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """Write at the end of the block what was collected in it; an exception undoes the block, and nothing before."""
        await self.flush()
        try:
            async with self._transaction.savepoint():
                yield
                await self.flush()
        except Exception:
            self._forget()
            raise

    def _forget(self) -> None:
        """Drop what was collected and is not written."""
        self._batch = Batch()
        self._outbox, self._audit, self._timers = [], [], TimerChanges()

    def emit(self, event: Event, *, subject: UUID, agency_id: UUID, beside: Event | None = None) -> UUID:
        """Put an event into the outbox of this transaction, keyed by `subject`; return the event's id.

        `beside` is the same fact in the version before, for readers of yesterday. Both have one id and the newer goes
        first, so a reader that knows both takes the newer and its inbox drops the older. A compacted topic would keep
        the older alone: there the newer version has a topic of its own (`VersionsCollide`).
        """
        if beside is not None and event.topic.compacted and event.topic.name == beside.topic.name:
            raise VersionsCollide(f"{event.type} and {beside.type} would replace one another on {event.topic.name}")
        self.steps += 1
        event_id = uuid7()
        for version in (event, beside) if beside is not None else (event,):
            envelope = Envelope(
                id=event_id,
                source=f"/lantai/{self.service}",
                subject=subject,
                time=self.now,
                agency_id=agency_id,
                data=version,
                traceparent=current_traceparent(),
            )
            key, headers, body = encode(envelope)
            row = {
                "event_id": event_id,
                "topic": version.topic.name,
                "key": key,
                "headers": orjson.dumps(headers).decode(),
            }
            self._outbox.append(row | {"body": body})
        return event_id

    def audit(self, action: str, *, subject: UUID, agency_id: UUID, details: Mapping[str, Any] | None = None) -> None:
        """Record who did what to which thing. Details hold no personal data in clear."""
        self.steps += 1
        self._audit.append(
            {
                "id": uuid7(),
                "at": self.now,
                "actor_kind": self.actor.kind,
                "actor_id": self.actor.id,
                "actor_name": self.actor.name,
                "action": action,
                "subject": subject,
                "agency_id": agency_id,
                "details": orjson.dumps(details or {}, default=str, option=AS_TEXT).decode(),
            }
        )

    def schedule(self, subject: UUID, kind: str, due_at: datetime, payload: Mapping[str, Any] | None = None) -> None:
        """Set the one open timer of (subject, kind); an open one is moved, and the letter of a dead one closed.

        Of several words about one timer the last counts, here and in `schedule_all` and `cancel`.
        """
        self.steps += 1
        self._timers.schedule(subject, kind, due_at, payload)

    def schedule_all(self, subjects: Sequence[UUID], moments: Mapping[str, datetime]) -> None:
        """Set the same timers, by kind, for many subjects at once; open ones are moved."""
        self.steps += 1
        self._timers.schedule_all(subjects, moments)

    def cancel(self, subject: UUID, *kinds: str) -> None:
        """Remove the open timers of a subject, of the named kinds or (none named) all of them; close their letters."""
        self.steps += 1
        self._timers.cancel(subject, kinds)

    def changes_timer(self, subject: UUID, kind: str) -> bool:
        """Whether this unit of work has set or cancelled the timer and not written it yet."""
        return self._timers.touch(subject, kind)

    async def flush(self) -> None:
        """Write what was collected so far; the commit does this by itself."""
        await self._collect()
        if (collected := self._batch.taken()) is not None:
            sql, values = collected
            await self.fetch(sql, *values)

    async def commit(self) -> None:
        """Write what is collected and commit. `Database.write` does this at the end of its block."""
        await self._collect()
        if (first := self._transaction.first) is not None and not self.begun:
            sql, values = first()
            self._batch.also(sql, *values)
        await self._transaction.commit(self._batch.taken())

    async def _collect(self) -> None:
        """Put what is left to write into the batch, which is one statement."""
        await self._transaction.flush_session()
        await self._timers.write(self.fetch, self._batch, self.service)
        audit, self._audit = self._audit, []
        self._batch.insert(audit_entries, audit)
        events, self._outbox = self._outbox, []
        self._batch.insert(outbox, events)
        self.wakes_relay = self.wakes_relay or bool(events)


async def audit_trail(session: Any, subject: UUID) -> list[Row[Any]]:
    """Return the audit entries of one subject, oldest first: the timeline that people see."""
    query = select(audit_entries).where(audit_entries.c.subject == bindparam("subject")).order_by(audit_entries.c.id)
    return list((await session.execute(query, {"subject": subject})).all())
