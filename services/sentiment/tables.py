"""Every table of this service, for migrations."""

from services.sentiment.base import Base
from services.sentiment.clocks import models as clocks
from services.sentiment.incidents import models as incidents
from services.sentiment.responses import models as responses

metadata = Base.metadata

__all__ = ["clocks", "incidents", "metadata", "responses"]
