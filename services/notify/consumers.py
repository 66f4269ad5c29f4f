"""Events this service reads: agency tree and holiday notices, and every event for which there is a template."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from services.notify.deliveries.commands import announce
from services.notify.settings import NotifySettings
from services.notify.templates.packaged import packaged
from shared.bus.dispatch import InBatches
from shared.db.uow import UnitOfWork
from shared.events import EVENTS, Envelope, Event
from shared.events.catalog import AgencyUpserted, CalendarPublished
from shared.replicas.agencies import on_agencies_upserted
from shared.replicas.calendars import on_calendar_published
from shared.service.definition import EventHandler
from shared.service.deps import Deps


def consumers(deps: Deps[NotifySettings]) -> Mapping[type[Event], EventHandler]:
    """Return the handler of each event."""
    on_announced = partial(_announce, deps.settings.base_url)
    announced: dict[type[Event], EventHandler] = {
        EVENTS[event]: on_announced for event in {template.event for template in packaged().values()}
    }
    return announced | {AgencyUpserted: InBatches(on_agencies_upserted), CalendarPublished: on_calendar_published}


async def _announce(site: str, uow: UnitOfWork, envelope: Envelope[Any]) -> None:
    await announce(uow, envelope, site=site)
