"""By when an event-triggered obligation is due, and what a new holiday notice does to those that are open."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from services.catalog.agencies import queries as agencies
from services.catalog.local_rules.queries import rule_at
from services.catalog.obligations.generation import Ahead, set_timers
from services.catalog.obligations.models import Instance, Obligation
from services.catalog.obligations.rules import InstanceState
from shared.calendar import Calendar
from shared.db.uow import UnitOfWork
from shared.events.catalog import ObligationRedated
from shared.replicas import calendars
from shared.statutes import Unit, due

REDATING_BATCH = 200


@dataclass(frozen=True)
class EventLimit:
    """A due day and its citation; provisional when a notice that decides it is still to come."""

    due_on: date
    citation: str
    provisional: bool


async def event_limit(uow: UnitOfWork, obligation: Obligation, happened_on: date, calendar: Calendar) -> EventLimit:
    """The source's own limit, or 条例第二十六条's where it names none."""
    citation = obligation.citation
    if obligation.limit_number and obligation.limit_unit == Unit.WORKING_DAY.value:
        due_on = calendar.add_working_days(happened_on, obligation.limit_number)
    elif obligation.limit_number:
        due_on = calendar.add_calendar_days(happened_on, obligation.limit_number)
    else:
        rule = await rule_at(uow.session, "pub.limit", happened_on, obligation.agency_id, printed=False)
        due_on, citation = due(rule, happened_on, calendar), f"{citation}；{rule.cited}"
    return EventLimit(due_on, citation, calendar.is_provisional(due_on))


async def redate_open(uow: UnitOfWork, ahead: Ahead, after: UUID | None) -> UUID | None:
    """Recompute a batch of open, event-triggered instances; return where to go on, or None when done.

    Instances of a cadence are due on the last day of their period, whatever the calendar says. Fulfilled and overdue
    ones keep the day that held.
    """
    statement = select(Instance).where(Instance.triggered_on.is_not(None), Instance.state == InstanceState.OPEN.value)
    if after is not None:
        statement = statement.where(Instance.id > after)
    statement = statement.order_by(Instance.id).limit(REDATING_BATCH).with_for_update()
    rows = list((await uow.session.execute(statement)).scalars())
    for instance in rows:
        obligation = await uow.session.get_one(Obligation, instance.obligation_id)
        calendar = await calendars.current(uow.session, instance.agency_id)
        limit = await event_limit(uow, obligation, instance.triggered_on or instance.period_start, calendar)
        before = (instance.due_on, instance.due_provisional)
        if before != (limit.due_on, limit.provisional):
            take_limit(uow, instance, limit, calendar, ahead)
            instance.version += 1
            details = {"before": before[0], "after": limit.due_on}
            uow.audit("obligation.redated", subject=instance.id, agency_id=instance.agency_id, details=details)
            await _tell_redated(uow, obligation, instance, before[0])
    return rows[-1].id if len(rows) == REDATING_BATCH else None


async def _tell_redated(uow: UnitOfWork, obligation: Obligation, instance: Instance, before: date) -> None:
    agency = await agencies.get(uow.session, instance.agency_id)
    event = ObligationRedated(
        obligation_id=obligation.id,
        instance_id=instance.id,
        title=obligation.title,
        agency_name=agency.name,
        due_on=instance.due_on,
        citation=instance.citation,
        provisional=instance.due_provisional,
        due_on_before=before,
    )
    uow.emit(event, subject=instance.id, agency_id=instance.agency_id)


def take_limit(uow: UnitOfWork, instance: Instance, limit: EventLimit, calendar: Calendar, ahead: Ahead) -> None:
    """Give an instance its due day and the timers that follow from it."""
    instance.due_on = instance.period_end = limit.due_on
    instance.due_provisional, instance.citation = limit.provisional, limit.citation
    uow.cancel(instance.id)
    set_timers(uow, instance.id, limit.due_on, calendar, ahead, provisional=limit.provisional)
