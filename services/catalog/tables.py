"""Every table of this service, for migrations."""

from services.catalog.agencies import models as agencies
from services.catalog.base import Base
from services.catalog.calendar import models as calendar
from services.catalog.documents import models as documents
from services.catalog.feeds import models as feeds
from services.catalog.local_rules import models as local_rules
from services.catalog.obligations import models as obligations
from services.catalog.search import models as search
from shared.replicas import tables as replicas

metadata = Base.metadata

__all__ = ["agencies", "calendar", "documents", "feeds", "local_rules", "metadata", "obligations", "replicas", "search"]
