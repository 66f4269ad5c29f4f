"""What people at a desk do with incidents, as calls of the API."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from shared.auth import Role
from tests.kit.apps import BUREAU, ServiceUnderTest, new_key


async def body(service: ServiceUnderTest, *, hours_ago: float = 0.5, **changes: Any) -> dict[str, Any]:
    """Return what a clerk reports of something that happened `hours_ago`."""
    occurred = await service.now() - timedelta(hours=hours_ago)
    reported: dict[str, Any] = {
        "agency_id": str(BUREAU),
        "title": "城东化工园区火灾舆情",
        "summary": "多名网民发布园区起火视频，询问伤亡。",
        "source": "网络舆情监测",
        "level": "extremely_serious",
        "occurred_at": occurred.isoformat(),
        "detected_at": (occurred + timedelta(minutes=1)).isoformat(),
    }
    return reported | changes


async def register(service: ServiceUnderTest, **changes: Any) -> dict[str, Any]:
    """Register an incident as the bureau's clerk."""
    response = await service.client.post(
        "/incidents", json=await body(service, **changes), headers=service.staff(Role.CLERK) | new_key()
    )
    assert response.status_code == 201, response.text
    registered: dict[str, Any] = response.json()
    return registered


async def act(
    service: ServiceUnderTest,
    incident: dict[str, Any],
    action: str,
    body: dict[str, Any],
    *,
    role: Role = Role.CLERK,
    agency: UUID = BUREAU,
    version: int | None = None,
) -> httpx.Response:
    """Do something with an incident, on its newest version unless told otherwise."""
    known = version if version is not None else (await get(service, incident["id"]))["version"]
    headers = service.staff(role, agency) | {"If-Match": f'"{known}"'}
    return await service.client.post(f"/incidents/{incident['id']}/{action}", json=body, headers=headers)


async def respond(
    service: ServiceUnderTest, incident: dict[str, Any], kind: str, responded_at: datetime
) -> httpx.Response:
    """Record a response given at a moment."""
    response = {
        "kind": kind,
        "responded_at": responded_at.isoformat(),
        "outlet": "县政府门户网站",
        "summary": "情况通报。",
    }
    return await act(service, incident, "responses", response)


async def get(service: ServiceUnderTest, incident_id: str) -> dict[str, Any]:
    """Read an incident as the bureau's clerk."""
    response = await service.client.get(f"/incidents/{incident_id}", headers=service.staff(Role.CLERK))
    assert response.status_code == 200, response.text
    read: dict[str, Any] = response.json()
    return read


def clock(incident: dict[str, Any], step: str) -> dict[str, Any]:
    """Return one step's clock."""
    found: dict[str, Any] = next(clock for clock in incident["clocks"] if clock["step"] == step)
    return found
