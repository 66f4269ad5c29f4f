"""What a test's people do at their desks: a document's way through the API, step by step."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx

from services.catalog.documents.rules import ReviewItem
from services.catalog.feeds.commands import seal_once
from shared.auth import Role
from shared.calendar import start_of_day
from tests.kit.apps import BUREAU, ServiceUnderTest, new_key

CLEAR = {"items": [{"item": item.value, "clear": True} for item in ReviewItem]}
DRAFT = {
    "agency_id": str(BUREAU),
    "title": "青山县应急管理局关于做好汛期安全工作的通知",
    "body": "各乡镇人民政府，各街道办事处：\n为做好汛期安全工作，现通知如下。\n一、加强值守。",
    "attribute": "proactive",
    "document_number": "青应急〔2026〕7号",
}


def clerk(service: ServiceUnderTest, agency: UUID = BUREAU) -> dict[str, str]:
    return service.staff(Role.CLERK, agency)


def reviewer(service: ServiceUnderTest, agency: UUID = BUREAU) -> dict[str, str]:
    return service.staff(Role.REVIEWER, agency)


def approver(service: ServiceUnderTest, agency: UUID = BUREAU) -> dict[str, str]:
    return service.staff(Role.APPROVER, agency)


def ok(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The body of an answer that has the expected status."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer that has the expected status and code."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code
    return problem


def match(body: dict[str, Any]) -> dict[str, str]:
    """The precondition for the next change of what was last seen."""
    return {"If-Match": f'"{body["version"]}"'}


async def draft(service: ServiceUnderTest, **changed: Any) -> dict[str, Any]:
    answer = await service.client.post("/documents", json=DRAFT | changed, headers=clerk(service) | new_key())
    return ok(answer, 201)


async def act(
    service: ServiceUnderTest,
    document: dict[str, Any],
    action: str,
    who: dict[str, str],
    body: dict[str, Any] | None = None,
) -> httpx.Response:
    """Post an action on a document in the version last seen."""
    path = f"/documents/{document['id']}/{action}"
    return await service.client.post(path, json=body, headers=who | match(document))


async def submitted(service: ServiceUnderTest, **changed: Any) -> dict[str, Any]:
    document = await draft(service, **changed)
    return ok(await act(service, document, "submission", clerk(service)))


async def reviewed(service: ServiceUnderTest, **changed: Any) -> dict[str, Any]:
    document = await submitted(service, **changed)
    return ok(await act(service, document, "review", reviewer(service), CLEAR))


async def signed(service: ServiceUnderTest, dates: dict[str, str] | None = None, **changed: Any) -> dict[str, Any]:
    document = await reviewed(service, **changed)
    return ok(await act(service, document, "sign-off", approver(service), dates or {}))


async def published(service: ServiceUnderTest, **changed: Any) -> dict[str, Any]:
    document = await signed(service, **changed)
    return ok(await act(service, document, "publication", clerk(service)))


async def move_to(service: ServiceUnderTest, day: date) -> None:
    """Make it ten o'clock in the morning of a day in Shanghai."""
    await service.shift_clock(start_of_day(day) + timedelta(hours=10) - await service.now())


async def seal(service: ServiceUnderTest) -> int:
    """Let the feed's sealer do what it has to do."""
    return await seal_once(service.deps.db)
