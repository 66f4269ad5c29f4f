"""The HTTP application of the sentiment service."""

from fastapi import FastAPI

from services.sentiment.incidents.api import router as incidents
from services.sentiment.responses.api import router as responses
from services.sentiment.settings import SentimentSettings
from services.sentiment.statutes import rule_set
from shared.bus.api import routers as spine
from shared.http.app import service_app
from shared.http.statutes import statutes_router
from shared.service.deps import Deps

DESCRIPTION = "登记政务舆情，按等级计算 5、24、48 小时时限，到期提醒、逾期上报，记录回应。"

ROUTERS = (incidents, responses, statutes_router(rule_set), *spine)


def create_app(deps: Deps[SentimentSettings]) -> FastAPI:
    """Return the application; rule rows that contradict themselves stop it here."""
    rule_set()
    return service_app("sentiment", "政务舆情", deps, ROUTERS, description=DESCRIPTION)
