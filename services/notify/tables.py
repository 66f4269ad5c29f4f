"""Every table of this service, for migrations."""

from services.notify.base import Base
from services.notify.deliveries import models as deliveries
from services.notify.recipients import models as recipients
from services.notify.subscriptions import models as subscriptions
from services.notify.templates import models as templates
from shared.replicas import tables as replicas

metadata = Base.metadata

__all__ = ["deliveries", "metadata", "recipients", "replicas", "subscriptions", "templates"]
