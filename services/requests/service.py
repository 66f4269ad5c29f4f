"""依申请公开 as those who start it know it."""

from services.requests.app import create_app
from services.requests.consumers import consumers
from services.requests.desk import Desk
from services.requests.gauges import GAUGES
from services.requests.redating.tasks import redating_loop
from services.requests.settings import RequestsSettings
from services.requests.timers import timers
from shared.service.definition import Definition

SERVICE = Definition(
    name="requests",
    title="依申请公开",
    settings=RequestsSettings,
    create_app=create_app,
    consumers=consumers,
    timers=timers,
    tasks=lambda deps: {"redating": redating_loop(deps.db, Desk.of(deps))},
    gauges=GAUGES,
)
