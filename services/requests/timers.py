"""Timer kind → command."""

from collections.abc import Mapping

from services.requests.desk import Desk
from services.requests.reminders.commands import rederive, remind
from services.requests.reminders.rules import KINDS
from services.requests.reminders.schedule import REDERIVE
from services.requests.settings import RequestsSettings
from shared.db.uow import UnitOfWork
from shared.service.definition import TimerHandler
from shared.service.deps import Deps
from shared.timers import DueTimer


def timers(deps: Deps[RequestsSettings]) -> Mapping[str, TimerHandler]:
    """Return the handlers of every kind that this service schedules, or has scheduled under an earlier setting."""
    desk = Desk.of(deps)

    async def on_reminder(uow: UnitOfWork, timer: DueTimer) -> None:
        await remind(uow, desk, timer)

    async def on_rederive(uow: UnitOfWork, timer: DueTimer) -> None:
        await rederive(uow, desk, timer)

    return {**dict.fromkeys(KINDS, on_reminder), REDERIVE: on_rederive}
