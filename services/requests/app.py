"""The HTTP application of the requests service."""

from fastapi import FastAPI

from services.requests.applications.api import filing
from services.requests.applications.api import router as applications
from services.requests.clock.api import router as clock
from services.requests.clock.today_api import router as today
from services.requests.contacts.api import internal
from services.requests.corrections.api import router as corrections
from services.requests.desk import Desk, packaged_rules
from services.requests.extensions.api import router as extensions
from services.requests.redating.api import router as redatings
from services.requests.replies.api import router as replies
from services.requests.replies.api import tables
from services.requests.replies.dispositions import remedies, table_rows
from services.requests.settings import RequestsSettings
from services.requests.status.api import page as status_page
from services.requests.status.api import router as status
from services.requests.third_parties.api import router as third_parties
from shared.bus.api import routers as spine
from shared.http.app import service_app
from shared.http.statutes import statutes_router
from shared.service.deps import Deps

DESCRIPTION = "申请的提交、登记、签收、补正、征求意见、延长、答复与送达；法定期限逐日计算，每一天都有依据。"
ROUTERS = (
    filing,
    applications,
    corrections,
    third_parties,
    extensions,
    replies,
    tables,
    clock,
    statutes_router(packaged_rules),
    today,
    redatings,
    status,
    *spine,
)


def create_app(deps: Deps[RequestsSettings]) -> FastAPI:
    """Return the application; rule rows or tables that contradict themselves stop it here."""
    table_rows()
    remedies()
    app = service_app("requests", "依申请公开", deps, ROUTERS, description=DESCRIPTION, pages=(status_page, internal))
    app.state.desk = Desk.of(deps)
    return app
