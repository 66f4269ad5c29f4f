"""What an agency sets for itself: stricter than the nation, with author and reason, and open due days follow."""

from datetime import date
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import text

from services.catalog.local_rules.queries import rule_at
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


async def test_a_limit_may_run_from_the_day_of_printing_and_never_ends_after_the_national_one(
    catalog: ServiceUnderTest,
) -> None:
    await move_to(catalog, date(2026, 6, 30))
    own = ok(await put(catalog, value=10, start="printed", citation="青山县政务公开工作办法第九条"), 201)
    assert own["start"] == "printed"
    (row,) = await listed(catalog, agency_id=str(BUREAU))
    assert (row["value"], row["start"]) == (10, "印发之日")
    formed = {"formed_on": "2026-06-08"}
    found = {
        printed: await signed(
            catalog, formed | ({"printed_on": printed} if printed else {}), document_number=f"青政发〔2026〕{number}号"
        )
        for number, printed in enumerate((None, "2026-06-10", "2026-06-29"), 1)
    }
    dated = {printed: (document["due_on"], document["due_citation"][:4]) for printed, document in found.items()}
    nation = ("2026-07-07", "《政府信")
    assert dated == {None: nation, "2026-06-10": ("2026-06-25", "青山县政"), "2026-06-29": nation}
    async with catalog.deps.db.read() as session:
        of_an_event = await rule_at(session, "pub.limit", date(2026, 6, 8), BUREAU, printed=False)
    assert of_an_event.number == 20


async def listed(service: ServiceUnderTest, **params: str) -> list[dict[str, Any]]:
    """The rows of the publication limit as the list of rules has them."""
    rows = ok(await service.client.get("/statutes", params=params))
    return [row for row in rows if row["id"] == "pub.limit" and row["agency_id"] is not None]


async def test_the_rule_list_names_what_agencies_set_by_whom_and_why(catalog: ServiceUnderTest) -> None:
    ok(await put(catalog), 201)
    ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=3), 201)
    ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=2), 201)
    ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=None, since="2026-07-01"), 201)
    ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=4, since="2026-09-01"), 201)
    county, bureau, again = await listed(catalog, agency_id=str(BUREAU))
    assert (county["value"], county["locality"], county["reason"]) == (5, "青山县人民政府", VALUE["reason"])
    assert (county["author"], county["citation"], county["to"]) == ("管理员甲", VALUE["citation"], None)
    assert (county["overruled"], county["unit"], county["grade"]) == (False, "working_day", "local")
    assert (bureau["value"], bureau["from"], bureau["to"]) == (2, "2026-06-01", "2026-06-30")
    assert (again["value"], again["from"], again["to"]) == (4, "2026-09-01", None)
    assert [row["value"] for row in await listed(catalog, agency_id=str(COUNTY))] == [5]
    assert await listed(catalog, agency_id=str(OTHER_COUNTY)) == []
    assert len(await listed(catalog)) == 3
    ids = [row["id"] for row in ok(await catalog.client.get("/statutes"))]
    assert ids == sorted(ids, key=ids.index), "rows of one id stand together"


async def test_a_national_limit_that_became_stricter_overrules_what_was_set_before(catalog: ServiceUnderTest) -> None:
    """As if 30 had been lawful when it was entered: the bureau falls back on what its superior set."""
    ok(await put(catalog), 201)
    value = ok(await put(catalog, agency=BUREAU, agency_id=str(BUREAU), value=4), 201)
    assert value["overruled"] is False
    async with catalog.write() as uow:
        await uow.session.execute(text("UPDATE local_values SET value = 30 WHERE value = 4"))
    assert (await due(catalog, BUREAU))["value"] == 5
    newest, older = ok(await catalog.client.get("/local-values"))["items"]
    assert ((newest["value"], newest["overruled"]), older["overruled"]) == ((30, True), False)
    assert {row["value"]: row["overruled"] for row in await listed(catalog)} == {5: False, 30: True}


async def test_what_a_superior_ordered_only_becomes_stricter_below(catalog: ServiceUnderTest) -> None:
    below: dict[str, Any] = {"agency": BUREAU, "agency_id": str(BUREAU)}
    ok(await put(catalog, **below, value=10), 201)
    ok(await put(catalog, value=5), 201)
    assert [(await due(catalog, agency))["value"] for agency in (BUREAU, COUNTY)] == [5, 5]
    refused(await put(catalog, **below, value=6), 422, "laxer_than_superior")
    refused(await put(catalog, **below, value=5, start="printed"), 422, "laxer_than_superior")
    ok(await put(catalog, value=6, since="2026-07-01"), 201)
    ok(await put(catalog, **below, value=6, since="2026-07-01"), 201)
    overruled = {(5, False), (6, False), (10, True)}
    assert {(row["value"], row["overruled"]) for row in await listed(catalog)} == overruled
    assert [(await due(catalog, BUREAU, on=day))["value"] for day in ("2026-06-10", "2026-07-02")] == [5, 6]


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
