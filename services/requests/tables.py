"""Every table of this service, for migrations."""

from services.requests.applications import models as applications
from services.requests.base import Base
from services.requests.extensions import models as extensions
from services.requests.redating import models as redating
from services.requests.reminders import models as reminders
from services.requests.replies import models as replies
from services.requests.third_parties import models as third_parties
from shared.replicas import tables as replicas

metadata = Base.metadata

__all__ = ["applications", "extensions", "metadata", "redating", "reminders", "replicas", "replies", "third_parties"]
