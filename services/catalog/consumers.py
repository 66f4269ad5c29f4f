"""Events this service reads: a reply that leads to a new document."""

from collections.abc import Mapping

from services.catalog.documents.requested import on_publication_requested
from services.catalog.settings import CatalogSettings
from shared.events import Event
from shared.events.requests import PublicationRequested
from shared.service.definition import EventHandler
from shared.service.deps import Deps


def consumers(_deps: Deps[CatalogSettings]) -> Mapping[type[Event], EventHandler]:
    """Return the handler of each event."""
    return {PublicationRequested: on_publication_requested}
