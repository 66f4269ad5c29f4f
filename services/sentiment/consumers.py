"""Events this service reads: the agency tree, for scopes and names, and the holiday notices, for working days."""

from collections.abc import Mapping

from services.sentiment.settings import SentimentSettings
from shared.bus.dispatch import InBatches
from shared.events import Event
from shared.events.catalog import AgencyUpserted, CalendarPublished
from shared.replicas.agencies import on_agencies_upserted
from shared.replicas.calendars import on_calendar_published
from shared.service.definition import EventHandler
from shared.service.deps import Deps


def consumers(_deps: Deps[SentimentSettings]) -> Mapping[type[Event], EventHandler]:
    """Return the handler of each event."""
    return {AgencyUpserted: InBatches(on_agencies_upserted), CalendarPublished: on_calendar_published}
