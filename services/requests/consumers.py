"""Event type → command."""

from collections.abc import Mapping
from typing import Any

from services.requests.desk import Desk
from services.requests.notices.commands import on_notice_delivered, on_notice_failed
from services.requests.redating.commands import on_calendar_published
from services.requests.replies.commands import on_document_published
from services.requests.settings import RequestsSettings
from shared.bus.dispatch import InBatches
from shared.db.uow import UnitOfWork
from shared.events import Envelope, Event
from shared.events.catalog import AgencyUpserted, CalendarPublished, DocumentPublished
from shared.events.notify import NoticeDelivered, NoticeFailed
from shared.replicas.agencies import on_agencies_upserted
from shared.service.definition import EventHandler
from shared.service.deps import Deps


def consumers(deps: Deps[RequestsSettings]) -> Mapping[type[Event], EventHandler]:
    """Return the handlers of every event that this service reads."""
    desk = Desk.of(deps)

    async def on_published(uow: UnitOfWork, envelope: Envelope[Any]) -> None:
        await on_document_published(uow, desk, envelope)

    return {
        AgencyUpserted: InBatches(on_agencies_upserted),
        CalendarPublished: on_calendar_published,
        DocumentPublished: on_published,
        NoticeDelivered: on_notice_delivered,
        NoticeFailed: on_notice_failed,
    }
