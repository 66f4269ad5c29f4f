"""An operator's desk: the spine's routes of a small service, and staff of a small tree of agencies."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert

from shared.auth import DevelopmentIssuer, Grant, Role
from shared.bus.api import routers
from shared.db.engine import Database
from shared.db.ids import uuid7
from shared.http.app import service_app
from shared.replicas.tables import agency_replica
from tests.kit.edge import edge_parts
from tests.kit.spine import AGENCY, SYSTEM

ABOVE, ELSEWHERE = uuid7(), uuid7()
WHY = {"reason": "对方系统已停用。"}


class Desk:
    def __init__(self, client: httpx.AsyncClient, issuer: DevelopmentIssuer) -> None:
        self.client = client
        self._issuer = issuer

    def staff(self, role: Role = Role.ADMIN, agency: UUID = AGENCY, *also: UUID) -> dict[str, str]:
        grants = [Grant(role, one) for one in (agency, *also)]
        return {"Authorization": f"Bearer {self._issuer.issue('u-9', '管理员甲', grants)}"}


@pytest.fixture
async def desk(counters: Database) -> AsyncIterator[Desk]:
    parts = edge_parts(counters.url)
    app = service_app("tests", "测试", parts, routers, description="只用于测试。")
    async with counters.write(SYSTEM) as uow:
        for agency, parent in ((ABOVE, None), (AGENCY, ABOVE), (ELSEWHERE, None)):
            row = {"id": agency, "code": str(agency), "name": "机关", "parent_id": parent, "level": "county"}
            await uow.session.execute(insert(agency_replica).values(**row, active=True))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://t/api/tests/v1") as client:
        yield Desk(client, parts.issuer)
    await parts.db.dispose()
