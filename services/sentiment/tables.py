"""Every table of this service, for migrations."""

from services.sentiment.base import Base
from services.sentiment.clocks import models as clocks
from services.sentiment.incidents import models as incidents
from services.sentiment.responses import models as responses
from shared.replicas import tables as replicas

metadata = Base.metadata

__all__ = ["clocks", "incidents", "metadata", "replicas", "responses"]
