"""政务舆情 as those who start it know it."""

from services.sentiment.app import create_app
from services.sentiment.consumers import consumers
from services.sentiment.incidents import queries
from services.sentiment.settings import SentimentSettings
from services.sentiment.timers import timers
from shared.service.definition import Definition, Gauge

SERVICE = Definition(
    name="sentiment",
    title="政务舆情",
    settings=SentimentSettings,
    create_app=create_app,
    consumers=consumers,
    timers=timers,
    gauges=(
        Gauge("incidents_open", "Incidents not closed yet", queries.count_open),
        Gauge("incident_steps_overdue", "Steps of open incidents whose hours are over", queries.count_overdue_steps),
    ),
)
