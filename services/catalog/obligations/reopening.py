"""A withdrawn document no longer fulfils anything: what rested on it is open again."""

from uuid import UUID

from sqlalchemy import select

from services.catalog.documents.deadlines import overdue_at
from services.catalog.obligations.generation import OVERDUE
from services.catalog.obligations.models import Instance
from services.catalog.obligations.rules import InstanceState, state_on
from shared.db.uow import UnitOfWork


async def reopen_instances(uow: UnitOfWork, document_id: UUID) -> None:
    """Open every instance that the document fulfilled; one past its due day, if that is certain, is overdue again."""
    rested = select(Instance).where(Instance.document_id == document_id).with_for_update()
    for instance in (await uow.session.execute(rested)).scalars():
        judged = InstanceState.OPEN if instance.due_provisional else state_on(instance.due_on, uow.today)
        instance.state = judged.value
        instance.document_id, instance.fulfilled_on = None, None
        instance.version += 1
        if judged is InstanceState.OPEN and not instance.due_provisional:
            uow.schedule(instance.id, OVERDUE, overdue_at(instance.due_on))
        details = {"document_id": document_id}
        uow.audit("obligation.reopened", subject=instance.id, agency_id=instance.agency_id, details=details)
