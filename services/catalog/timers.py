"""Timers of this service: documents and obligations near or past their day, roll-overs, re-dating."""

from collections.abc import Mapping
from uuid import UUID

from services.catalog.calendar.commands import REDATE_DOCUMENTS, REDATE_OBLIGATIONS
from services.catalog.documents import publication
from services.catalog.documents import reminders as documents
from services.catalog.obligations import generation, limits
from services.catalog.obligations import reminders as obligations
from services.catalog.settings import CatalogSettings
from shared.db.uow import UnitOfWork
from shared.service.definition import TimerHandler
from shared.service.deps import Deps
from shared.timers import DueTimer


def timers(deps: Deps[CatalogSettings]) -> Mapping[str, TimerHandler]:
    """Return the handler of each kind of timer."""
    settings = deps.settings

    async def document_due_soon(uow: UnitOfWork, timer: DueTimer) -> None:
        await documents.tell_due_soon(uow, timer.subject)

    async def document_overdue(uow: UnitOfWork, timer: DueTimer) -> None:
        await documents.tell_overdue(uow, timer.subject)

    async def obligation_due_soon(uow: UnitOfWork, timer: DueTimer) -> None:
        await obligations.tell_due_soon(uow, timer.subject)

    async def obligation_overdue(uow: UnitOfWork, timer: DueTimer) -> None:
        await obligations.tell_overdue(uow, timer.subject)

    async def rollover(uow: UnitOfWork, timer: DueTimer) -> None:
        await obligations.roll_over(uow, timer.subject, settings.ahead)

    async def redate_documents(uow: UnitOfWork, timer: DueTimer) -> None:
        following = await documents.redate_open(uow, settings.publishing, _after(timer))
        _go_on(uow, timer, following)

    async def redate_obligations(uow: UnitOfWork, timer: DueTimer) -> None:
        following = await limits.redate_open(uow, settings.ahead, _after(timer))
        _go_on(uow, timer, following)

    return {
        publication.DUE_SOON: document_due_soon,
        publication.OVERDUE: document_overdue,
        generation.DUE_SOON: obligation_due_soon,
        generation.OVERDUE: obligation_overdue,
        generation.ROLLOVER: rollover,
        REDATE_DOCUMENTS: redate_documents,
        REDATE_OBLIGATIONS: redate_obligations,
    }


def _after(timer: DueTimer) -> UUID | None:
    after = timer.payload.get("after")
    return UUID(after) if after else None


def _go_on(uow: UnitOfWork, timer: DueTimer, following: UUID | None) -> None:
    """A re-dating of many rows is a chain of short transactions."""
    if following is not None:
        uow.schedule(timer.subject, timer.kind, uow.now, {"after": following})
