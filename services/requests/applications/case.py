"""A case in hand: its locked row, its history, the calendar and the day.

`record` appends to the history and reads the clock anew, which refuses what the law does not allow; `settle` writes
the derived row, moves the timers and counts the version up. Commands do nothing else to a case.
"""

from collections.abc import Collection, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date
from functools import cached_property
from types import SimpleNamespace
from typing import Any, TypeVar, cast
from uuid import UUID

import orjson
from sqlalchemy import func, select

from services.requests.applications.history import Fact, Position, standing
from services.requests.applications.models import Application, CaseEntry, applications, case_events
from services.requests.applications.personal import NOTE
from services.requests.applications.rules import (
    EntryType,
    Standing,
    check_entered,
    require_open,
    require_receipt,
    require_signed_for,
)
from services.requests.desk import Desk
from services.requests.reminders.schedule import fired_kinds, schedule
from shared.auth import Principal, Role
from shared.auth.scope import require_on
from shared.calendar import Calendar
from shared.db.bulk import one_of
from shared.db.ids import uuid7
from shared.db.sessions import AnySession
from shared.db.uow import UnitOfWork
from shared.errors import NotFound, VersionMismatch
from shared.events.requests import ApplicationEvent, ApplicationState
from shared.replicas import calendars
from shared.replicas.place import Place, place_of

HANDLERS = (Role.CLERK,)
APPROVERS = (Role.APPROVER,)
PERSONAL_READERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER)
READERS = (Role.CLERK, Role.REVIEWER, Role.APPROVER, Role.SUPERVISOR)

EMPTY = dict.fromkeys(column.key for column in applications.columns)

E = TypeVar("E", bound=ApplicationEvent)


@dataclass
class Case:
    """One case, loaded for update; `known` is its standing where it was read already.

    `fired` names the timers, by kind and due day, that have fired.
    """

    row: Application
    facts: list[Fact]
    agency: Place
    calendar: Calendar
    desk: Desk
    today: date
    known: InitVar[Standing | None] = None
    fired: set[tuple[str, date]] | None = None
    unwritten: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self, known: Standing | None) -> None:
        if known is not None:
            self.standing = known

    @cached_property
    def standing(self) -> Standing:
        """Where the case stands by its history."""
        return self._derive()

    @property
    def position(self) -> Position:
        return Position(self.row.received_on, self.row.regulation_override)

    @property
    def received_on(self) -> date:
        """The receipt day; raises ReceiptUnconfirmed while none is known."""
        return require_receipt(self.row.received_on)

    @property
    def has_consultations(self) -> bool:
        return any(fact.type is EntryType.CONSULTATION_STARTED for fact in self.facts)

    def _derive(self, new: Fact | None = None) -> Standing:
        return standing(
            self.position, self.facts, calendar=self.calendar, rules=self.desk.rules, today=self.today, new=new
        )

    def record(
        self, uow: UnitOfWork, type: EntryType, on: date, data: Mapping[str, Any] | None = None, note: str | None = None
    ) -> None:
        """Append what happened on a day; raises IllegalEvent when it cannot have. `note` is sealed."""
        fact = Fact(max((fact.sequence for fact in self.facts), default=0) + 1, type, on, dict(data or {}))
        self.facts.append(fact)
        self.standing = self._derive(fact)
        self.unwritten.append(
            {
                "id": uuid7(),
                "agency_id": self.row.agency_id,
                "application_id": self.row.id,
                "sequence": fact.sequence,
                "type": type.value,
                "on": on,
                "data": orjson.dumps(fact.data, default=str).decode(),
                "note_sealed": None if note is None else self.desk.vault.seal(note, context=NOTE),
                "recorded_at": uow.now,
                "recorded_by": uow.actor.id,
                "recorder_name": uow.actor.name,
            }
        )

    def check_entered(self, on: date) -> None:
        """Refuse a date in the future or before the receipt."""
        check_entered(on, today=self.today, not_before=self.row.received_on or self.row.delivered_on)

    def rederive(self) -> bool:
        """Read the clock anew and say whether anything a list shows differs from the row."""
        self.standing = self._derive()
        return any(getattr(self.row, name) != value for name, value in derived(self.standing).items())

    async def settle(self, uow: UnitOfWork) -> None:
        """Write what is derived and what was recorded, move the timers, count the version up."""
        self.row.version += 1
        for name, value in derived(self.standing).items():
            setattr(self.row, name, value)
        if self.standing.closed and self.row.closed_on is None:
            self.row.closed_on = max((fact.on for fact in self.facts), default=self.today)
        await self.reschedule(uow)
        self._write(uow)

    def _write(self, uow: UnitOfWork) -> None:
        """Insert a new case's row, and the new entries; a loaded row is the session's to update."""
        if self.is_new:
            uow.insert(applications, vars(self.row))
        uow.insert(case_events, *self.unwritten)
        self.unwritten = []

    @property
    def is_new(self) -> bool:
        """The case is being registered: nothing of it is in the database."""
        return self.row.version == 1

    async def reschedule(self, uow: UnitOfWork) -> None:
        """Put the timers where the standing has them."""
        if self.fired is None:
            self.fired = set() if self.is_new else await fired_kinds(uow, self.row.id)
        if not self.is_new:
            uow.cancel(self.row.id)  # of every kind, also those of an earlier setting
        schedule(
            uow,
            self.row.id,
            self.standing,
            reminder_days=self.desk.settings.reminder_days,
            calendar=self.calendar,
            fired=self.fired,
        )

    def event(self, what: type[E], /, **details: Any) -> E:
        """Return an event with what every reader needs of a case, and its own details."""
        return what(
            application_id=self.row.id,
            receipt_number=self.row.receipt_number,
            agency_name=self.agency.name,
            recipient_ref=self.row.recipient_ref,
            state=self.standing.state,
            due_on=self.standing.due_on,
            provisional=self.standing.provisional,
            unconfirmed=self.standing.unconfirmed,
            **details,
        )

    def emit(self, uow: UnitOfWork, what: type[E], /, **details: Any) -> None:
        """Tell readers what happened to the case."""
        uow.emit(self.event(what, **details), subject=self.row.id, agency_id=self.row.agency_id)

    def audit(self, uow: UnitOfWork, action: str, **details: Any) -> None:
        """Record who did what to the case, and what its due day is since then."""
        dated = {"state": self.standing.state.value, "due_on": self.standing.due_on}
        uow.audit(f"application.{action}", subject=self.row.id, agency_id=self.row.agency_id, details=dated | details)


def new_row(**values: Any) -> Application:
    """Return a row to be registered: a plain one, since a mapped object costs ten times as much and nobody loads it."""
    return cast(Application, SimpleNamespace(**(EMPTY | values)))


def derived(standing: Standing) -> dict[str, Any]:
    """Return the columns that a standing decides."""
    return {
        "state": standing.state.value,
        "due_on": standing.due_on,
        "provisional": standing.provisional,
        "unconfirmed": standing.unconfirmed,
        "left_days": standing.left,
        "paused_until": standing.paused_until,
    }


async def load(uow: UnitOfWork, desk: Desk, application_id: UUID) -> Case:
    """Lock a case's row and read its history; raises NotFound."""
    row = await uow.session.get(Application, application_id, with_for_update=True)
    if row is None:
        raise NotFound("没有这件申请。")
    place = await place_of(uow, row.agency_id)
    return Case(
        row=row,
        facts=await facts_of(uow.session, application_id),
        agency=place,
        calendar=place.calendar if row.closed_on is None else await calendar_of(uow.session, row),
        desk=desk,
        today=uow.today,
    )


async def calendar_of(session: AnySession, row: Application) -> Calendar:
    """Return the calendar a case is dated by: today's, or for a closed case the one known when it was closed."""
    if row.closed_on is None:
        return await calendars.current(session, row.agency_id)
    closing = (EntryType.REPLIED.value, EntryType.WITHDRAWN.value, EntryType.ABANDONED.value)
    recorded = select(func.max(CaseEntry.recorded_at)).where(
        CaseEntry.application_id == row.id, CaseEntry.type.in_(closing)
    )
    known_at = (await session.execute(recorded)).scalar_one()
    return await calendars.current(session, row.agency_id, known_at=known_at)


async def open_for(
    uow: UnitOfWork,
    desk: Desk,
    principal: Principal,
    roles: tuple[Role, ...],
    application_id: UUID,
    expected_version: int,
    *,
    signed_for: bool = True,
) -> Case:
    """Load an open case for a command: in scope, at the version the caller has seen, and signed for."""
    case = await load(uow, desk, application_id)
    require_on(principal, roles, case.agency.line)
    if case.row.version != expected_version:
        raise VersionMismatch(f"当前版本为 {case.row.version}，请刷新后重试。")
    require_open(ApplicationState(case.row.state))
    if signed_for:
        require_signed_for(case.row.signed_for_at is not None)
    return case


async def facts_of(session: AnySession, application_id: UUID) -> list[Fact]:
    """Return a case's history in the order in which it was recorded."""
    return (await facts_of_many(session, [application_id])).get(application_id, [])


async def facts_of_many(
    session: AnySession, ids: list[UUID], types: Collection[EntryType] = ()
) -> dict[UUID, list[Fact]]:
    """Return the histories of many cases in one statement, of some types only if any are named."""
    columns = (CaseEntry.application_id, CaseEntry.sequence, CaseEntry.type, CaseEntry.on, CaseEntry.data)
    wanted = select(*columns).where(one_of(CaseEntry.application_id, ids))
    if types:
        wanted = wanted.where(CaseEntry.type.in_([type.value for type in types]))
    found: dict[UUID, list[Fact]] = {}
    for application_id, sequence, type, on, data in await session.execute(
        wanted.order_by(CaseEntry.application_id, CaseEntry.sequence)
    ):
        found.setdefault(application_id, []).append(Fact(sequence, EntryType(type), on, orjson.loads(data)))
    return found
