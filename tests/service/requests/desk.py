"""What citizens and people at a desk do with applications, as calls of the API."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import httpx

from shared.auth import Role
from shared.calendar import SHANGHAI, Calendar, civil_day, national
from tests.kit.apps import BUREAU, ServiceUnderTest, new_key

NAME, ID_NUMBER, PHONE, EMAIL, ADDRESS = "王小芳", "11010519491231002X", "13812345678", "wang@example.cn", "人民路1号"
THURSDAY = date(2026, 6, 11)


def application(**changes: Any) -> dict[str, Any]:
    """Return what a citizen files."""
    applicant = {
        "kind": "natural_person",
        "name": NAME,
        "id_number": ID_NUMBER,
        "phone": PHONE,
        "email": EMAIL,
        "address": ADDRESS,
    }
    filed = {
        "agency_id": str(BUREAU),
        "applicant": applicant | changes.pop("applicant", {}),
        "title": "供热管网改造项目验收报告",
        "description": "2025年10月完工的城区供热管网改造项目竣工验收报告。",
    }
    return filed | changes


async def set_today(service: ServiceUnderTest, day: date, at: time = time(10)) -> None:
    """Make it this civil day, at this hour in Shanghai."""
    wanted = datetime.combine(day, at, tzinfo=SHANGHAI)
    await service.shift_clock(wanted - await service.now())


async def today(service: ServiceUnderTest) -> date:
    return civil_day(await service.now())


def calendar() -> Calendar:
    return national()


async def submit(service: ServiceUnderTest, **changes: Any) -> dict[str, Any]:
    """File an application online; return its receipt."""
    response = await service.client.post("/applications", json=application(**changes), headers=new_key())
    assert response.status_code == 201, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


async def register(
    service: ServiceUnderTest, *, delivered_on: date | None = None, channel: str = "counter", **changes: Any
) -> dict[str, Any]:
    """Register a letter as the bureau's clerk; return its receipt."""
    arrived = delivered_on or await today(service)
    body = application(**changes) | {"channel": channel, "delivered_on": arrived.isoformat()}
    response = await service.client.post("/registrations", json=body, headers=service.staff(Role.CLERK) | new_key())
    assert response.status_code == 201, response.text
    receipt: dict[str, Any] = response.json()
    return receipt


async def get(service: ServiceUnderTest, case: str | dict[str, Any]) -> dict[str, Any]:
    """Read a case as the bureau's clerk."""
    response = await service.client.get(f"/applications/{_id(case)}", headers=service.staff(Role.CLERK))
    assert response.status_code == 200, response.text
    read: dict[str, Any] = response.json()
    return read


async def act(
    service: ServiceUnderTest,
    case: str | dict[str, Any],
    action: str,
    body: dict[str, Any] | None = None,
    *,
    role: Role = Role.CLERK,
    agency: UUID = BUREAU,
    subject: str | None = None,
    version: int | None = None,
) -> httpx.Response:
    """Do something with a case, on its newest version unless told otherwise."""
    known = version if version is not None else (await get(service, case))["version"]
    headers = service.staff(role, agency, subject=subject) | {"If-Match": f'"{known}"'}
    path = f"/applications/{_id(case)}/{action}"
    if body is None:
        return await service.client.post(path, headers=headers)
    return await service.client.post(path, json=body, headers=headers)


async def done(service: ServiceUnderTest, case: str | dict[str, Any], action: str, *args: Any, **kw: Any) -> Any:
    """Do something that must succeed; return the case as it is then."""
    response = await act(service, case, action, *args, **kw)
    assert response.status_code == 200, response.text
    return response.json()


async def refused(
    service: ServiceUnderTest, case: str | dict[str, Any], action: str, *args: Any, **kw: Any
) -> tuple[int, str]:
    """Do something that must be refused; return status and code."""
    response = await act(service, case, action, *args, **kw)
    return response.status_code, response.json()["code"]


async def running_case(service: ServiceUnderTest, received_on: date | None = None, **changes: Any) -> dict[str, Any]:
    """Return a case that came over the counter and was signed for: its clock runs."""
    receipt = await register(service, delivered_on=received_on, **changes)
    signed: dict[str, Any] = await done(service, receipt, "sign-for")
    return signed


def disclosed(**changes: Any) -> dict[str, Any]:
    """Return a draft that discloses a published document."""
    return {
        "outcome": "disclosed",
        "row": "3.1",
        "content": "随附验收报告全文。",
        "document_title": "验收报告",
        "document_url": "http://localhost:8000/documents/1",
    } | changes


async def replied(service: ServiceUnderTest, case: str | dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Draft, approve and deliver a reply today."""
    await done(service, case, "reply", disclosed(**changes))
    await done(service, case, "reply/approval", {"approved": True}, role=Role.APPROVER)
    delivery = {"mode": "direct", "on": (await today(service)).isoformat(), "proof": "回证1号"}
    closed: dict[str, Any] = await done(service, case, "delivery", delivery)
    return closed


def uid(case: dict[str, Any]) -> UUID:
    """Return a case's id."""
    return UUID(case["id"])


def _id(case: str | dict[str, Any]) -> str:
    return case if isinstance(case, str) else str(case["id"])
