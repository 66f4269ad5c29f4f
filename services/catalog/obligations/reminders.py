"""What the timers of obligations do: remind, judge overdue, roll over."""

from uuid import UUID

from services.catalog.agencies import queries as agencies
from services.catalog.obligations.generation import Ahead, generate
from services.catalog.obligations.models import Instance, Obligation
from services.catalog.obligations.rules import InstanceState
from shared.db.uow import UnitOfWork
from shared.events.catalog import ObligationChanged, ObligationDueSoon, ObligationOverdue


async def tell_due_soon(uow: UnitOfWork, instance_id: UUID) -> None:
    """An open instance's day is near."""
    instance = await uow.session.get(Instance, instance_id, with_for_update=True)
    if instance is not None and instance.current is InstanceState.OPEN:
        await _tell(uow, instance, ObligationDueSoon, "obligation.due_soon")


async def tell_overdue(uow: UnitOfWork, instance_id: UUID) -> None:
    """The day of an open instance has passed: it is overdue from now on."""
    instance = await uow.session.get(Instance, instance_id, with_for_update=True)
    if instance is not None and instance.current is InstanceState.OPEN:
        instance.state = InstanceState.OVERDUE.value
        instance.version += 1
        await _tell(uow, instance, ObligationOverdue, "obligation.overdue")


async def roll_over(uow: UnitOfWork, obligation_id: UUID, ahead: Ahead) -> None:
    """Generate what the horizon now reaches, and set the next roll-over."""
    obligation = await uow.session.get(Obligation, obligation_id, with_for_update=True)
    if obligation is not None:
        await generate(uow, obligation, ahead)


async def _tell(uow: UnitOfWork, instance: Instance, kind: type[ObligationChanged], action: str) -> None:
    obligation = await uow.session.get_one(Obligation, instance.obligation_id)
    agency = await agencies.get(uow.session, instance.agency_id)
    event = kind(
        obligation_id=obligation.id,
        instance_id=instance.id,
        title=obligation.title,
        agency_name=agency.name,
        due_on=instance.due_on,
        citation=instance.citation,
        provisional=instance.due_provisional,
    )
    uow.emit(event, subject=instance.id, agency_id=instance.agency_id)
    uow.audit(action, subject=instance.id, agency_id=instance.agency_id, details={"due_on": instance.due_on})
