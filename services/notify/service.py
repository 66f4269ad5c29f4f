"""通知 as those who start it know it."""

from services.notify.app import create_app
from services.notify.consumers import consumers
from services.notify.deliveries import queries
from services.notify.settings import NotifySettings
from services.notify.tasks import tasks
from services.notify.timers import timers
from shared.service.definition import Definition, Gauge

SERVICE = Definition(
    name="notify",
    title="通知",
    settings=NotifySettings,
    create_app=create_app,
    consumers=consumers,
    timers=timers,
    tasks=tasks,
    gauges=(
        Gauge("notices_pending", "Mails that wait or are being sent", queries.count_pending),
        Gauge("notices_failed", "Failed notices that wait for a person", queries.count_failed),
        Gauge("notices_unknown", "Mails of which nobody knows whether they were taken", queries.count_unknown),
        Gauge("notice_oldest_pending_seconds", "Age of the oldest unsent mail", queries.oldest_pending_seconds),
    ),
)
