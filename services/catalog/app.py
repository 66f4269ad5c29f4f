"""The HTTP application of the catalog service."""

from fastapi import FastAPI

from services.catalog.agencies.api import router as agencies
from services.catalog.calendar.api import router as calendar
from services.catalog.calendar.coverage import coverage_check
from services.catalog.calendar.days_api import router as days
from services.catalog.documents.actions_api import router as actions
from services.catalog.documents.api import pages, workbench
from services.catalog.documents.api import router as documents
from services.catalog.feeds.api import router as feeds
from services.catalog.local_rules.api import router as local_values
from services.catalog.local_rules.queries import rows_of, rule_at
from services.catalog.obligations.api import instances
from services.catalog.obligations.api import router as obligations
from services.catalog.search.api import router as search
from services.catalog.settings import CatalogSettings
from services.catalog.statutes import rule_set
from shared.bus.api import routers as spine
from shared.http.app import service_app
from shared.http.statutes import statutes_router
from shared.service.deps import Deps

DESCRIPTION = "机构与工作日历、公文的公开审查与发布、公开义务、检索，以及供网站使用的变更目录。"

ROUTERS = (
    agencies,
    calendar,
    days,
    documents,
    actions,
    workbench,
    obligations,
    instances,
    search,
    feeds,
    statutes_router(rule_set, rule_at, rows_of),
    local_values,
    *spine,
)


def create_app(deps: Deps[CatalogSettings]) -> FastAPI:
    """Return the application; rule rows that contradict themselves stop it here."""
    rule_set()
    return service_app(
        "catalog",
        "主动公开",
        deps,
        ROUTERS,
        description=DESCRIPTION,
        pages=[pages],
        checks={"calendar": coverage_check(deps.db)},
    )
