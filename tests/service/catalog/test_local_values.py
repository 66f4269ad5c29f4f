"""What an agency sets for itself: stricter than the nation, with author and reason, and open due days follow."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx

from shared.auth import Role
from shared.events.catalog import DocumentRedated
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.catalog.desk import clerk, move_to, ok, refused, signed

VALUE: dict[str, Any] = {
    "agency_id": str(COUNTY),
    "rule_id": "pub.limit",
    "value": 5,
    "since": "2026-06-01",
    "citation": "青山县政务公开工作办法第八条",
    "reason": "县政府要求加快公开。",
}


async def put(service: ServiceUnderTest, role: Role = Role.ADMIN, agency: UUID = COUNTY, **changed: Any) -> Any:
    headers = service.staff(role, agency) | new_key()
    return await service.client.post("/local-values", json=VALUE | changed, headers=headers)


async def due(service: ServiceUnderTest, agency: UUID, on: str = "2026-06-10") -> dict[str, Any]:
    params = {"on": on, "agency_id": str(agency)}
    return ok(await service.client.get("/statutes/pub.limit/due", params=params))


async def test_a_value_holds_for_the_agency_and_those_below_from_its_day(catalog: ServiceUnderTest) -> None:
    set_ = ok(await put(catalog), 201)
    assert (set_["author"], set_["reason"]) != ("", "")
    below = await due(catalog, BUREAU)
    assert (below["value"], below["due_on"], below["citation"]) == (5, "2026-06-17", VALUE["citation"])
    assert (await due(catalog, OTHER_COUNTY))["value"] == 20
    assert (await due(catalog, BUREAU, on="2026-05-29"))["value"] == 20
    ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=3), 201)
    assert [(await due(catalog, agency))["value"] for agency in (BUREAU, COUNTY)] == [3, 5]
    ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=None, since="2026-06-05"), 201)
    assert [(await due(catalog, BUREAU, on=day))["value"] for day in ("2026-06-04", "2026-06-10")] == [3, 5]
    listed = ok(await catalog.client.get("/local-values", params={"agency_id": str(BUREAU)}))["items"]
    assert [row["value"] for row in listed] == [None, 3]
    assert "local_value.set" in await catalog.audited(UUID(set_["id"]))


async def test_open_documents_follow_and_say_by_which_paper(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    document = await signed(catalog)
    assert document["due_on"] == "2026-07-09"
    ok(await put(catalog), 201)
    await catalog.fire_due_timers()
    path = f"/workbench/documents/{document['id']}"
    after = ok(await catalog.client.get(path, headers=clerk(catalog)))
    assert (after["due_on"], after["due_citation"]) == ("2026-06-17", VALUE["citation"])
    (told,) = [envelope.data for envelope in await catalog.emitted(DocumentRedated)]
    assert isinstance(told, DocumentRedated)
    assert told.due_on_before == date(2026, 7, 9)


async def test_what_may_not_be_set_and_by_whom(catalog: ServiceUnderTest) -> None:
    def said(answer: httpx.Response) -> tuple[int, str]:
        return answer.status_code, answer.json()["code"]

    assert said(await put(catalog, value=21)) == (422, "laxer_than_national")
    assert said(await put(catalog, rule_id="budget.gov")) == (422, "rule_not_settable")
    assert said(await put(catalog, since="2008-01-01")) == (404, "unknown_rule")
    refused(await put(catalog, role=Role.CLERK), 403, "forbidden")
    refused(await put(catalog, agency=OTHER_COUNTY), 403, "forbidden")
    refused(await put(catalog, reason=""), 422, "validation_failed")
    refused(await put(catalog, value=0), 422, "validation_failed")
    assert ok(await catalog.client.get("/local-values"))["items"] == []
