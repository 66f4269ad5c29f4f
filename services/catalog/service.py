"""主动公开 as those who start it know it."""

from collections.abc import Mapping

from services.catalog.agencies import commands as agencies
from services.catalog.app import create_app
from services.catalog.calendar import commands as calendar
from services.catalog.calendar.coverage import coverage_days
from services.catalog.calendar.releases import note_release
from services.catalog.consumers import consumers
from services.catalog.documents import queries as documents
from services.catalog.feeds import queries as feeds
from services.catalog.feeds.commands import seal_once
from services.catalog.obligations import queries as obligations
from services.catalog.settings import CatalogSettings
from services.catalog.timers import timers
from shared.events.catalog import AGENCIES, CALENDAR
from shared.replicas.packaged import NOTED_EVERY_SECONDS
from shared.service.background import every
from shared.service.definition import BackgroundTask, Definition, Gauge
from shared.service.deps import Deps


def tasks(deps: Deps[CatalogSettings]) -> Mapping[str, BackgroundTask]:
    """The packaged years of this release, and the feed's sealer; several workers may run them, one at a time works."""
    return {
        "packaged-calendar": every(NOTED_EVERY_SECONDS, lambda: note_release(deps.db)),
        "feed-sealer": every(deps.settings.feed_seal_seconds, lambda: seal_once(deps.db)),
    }


SERVICE = Definition(
    name="catalog",
    title="主动公开",
    settings=CatalogSettings,
    create_app=create_app,
    consumers=consumers,
    timers=timers,
    tasks=tasks,
    republish={AGENCIES: agencies.republish, CALENDAR: calendar.republish},
    gauges=(
        Gauge("obligations_overdue", "Dated publication obligations whose day has passed", obligations.count_overdue),
        Gauge("documents_awaiting_review", "Documents waiting for secrecy review", documents.count_awaiting_review),
        Gauge(
            "documents_awaiting_publication",
            "Signed documents waiting to become public",
            documents.count_awaiting_publication,
        ),
        Gauge("calendar_coverage_days", "Days until the published holiday calendar ends", coverage_days),
        Gauge("feed_lag_seconds", "Age of the oldest change the feed does not show yet", feeds.lag_seconds),
    ),
)
