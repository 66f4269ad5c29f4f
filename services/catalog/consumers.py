"""Events this service reads: a reply that leads to a new document."""

from collections.abc import Mapping

from services.catalog.documents.requested import on_publication_requested, on_publication_requested_v1
from services.catalog.settings import CatalogSettings
from shared.events import Event
from shared.events.requests import PublicationRequested, PublicationRequestedV2
from shared.service.definition import EventHandler
from shared.service.deps import Deps


def consumers(_deps: Deps[CatalogSettings]) -> Mapping[type[Event], EventHandler]:
    """Return the handler of each event."""
    return {PublicationRequestedV2: on_publication_requested, PublicationRequested: on_publication_requested_v1}
