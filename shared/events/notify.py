"""Events of the notify service 通知: what became of a notice."""

from datetime import datetime
from uuid import UUID

from .base import Event, Topic

DELIVERIES = Topic("lantai.notify.deliveries", "notify", ("requests",))


class DeliveryEvent(Event):
    topic = DELIVERIES

    delivery_id: UUID
    about: UUID
    template: str
    channel: str
    at: datetime


class NoticeDelivered(DeliveryEvent):
    """The provider said yes; `provider_message_id` is its proof."""

    type = "lantai.notify.delivery.delivered.v1"

    provider_message_id: str
    possibly_doubled: bool = False


class NoticeFailed(DeliveryEvent):
    """The provider refused for good, or retries ended: a person has to act."""

    type = "lantai.notify.delivery.failed.v1"

    reason: str


EVENTS: tuple[type[Event], ...] = (NoticeDelivered, NoticeFailed)
