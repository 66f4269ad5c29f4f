"""依申请公开 as those who start it know it."""

from collections.abc import Mapping

from services.requests.app import create_app
from services.requests.consumers import consumers
from services.requests.desk import Desk
from services.requests.gauges import GAUGES
from services.requests.redating.tasks import note_release, note_reminder_days, redate_all
from services.requests.settings import RequestsSettings
from services.requests.timers import timers
from shared.replicas.packaged import NOTED_EVERY_SECONDS
from shared.service.background import every
from shared.service.definition import BackgroundTask, Definition
from shared.service.deps import Deps


def tasks(deps: Deps[RequestsSettings]) -> Mapping[str, BackgroundTask]:
    """The packaged years of this release, the days of its reminders, and the re-dating of open cases."""
    desk = Desk.of(deps)
    return {
        "packaged-calendar": every(NOTED_EVERY_SECONDS, lambda: note_release(deps.db)),
        "reminder-days": every(NOTED_EVERY_SECONDS, lambda: note_reminder_days(deps.db, desk)),
        "redating": every(deps.settings.redating_poll_seconds, lambda: redate_all(deps.db, desk)),
    }


SERVICE = Definition(
    name="requests",
    title="依申请公开",
    settings=RequestsSettings,
    create_app=create_app,
    consumers=consumers,
    timers=timers,
    tasks=tasks,
    gauges=GAUGES,
)
