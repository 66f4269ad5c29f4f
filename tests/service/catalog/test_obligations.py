"""Obligations: dated ahead, reminded, judged overdue, fulfilled by what is public, reopened when it is withdrawn."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.catalog.obligations.generation import generate
from services.catalog.obligations.models import Obligation
from shared.auth import Role
from shared.events.catalog import ObligationDueSoon, ObligationFulfilled, ObligationOverdue, ObligationRedated
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.catalog.desk import act, approver, clerk, match, move_to, ok, published, refused, signed
from tests.service.catalog.test_calendar import publish

MONTHLY: dict[str, Any] = {
    "agency_id": str(BUREAU),
    "key": "G06",
    "title": "按月公开财政收支情况",
    "quote": "按月公开全区财政收支情况",
    "plan": "黔江府办发〔2017〕53号",
    "citation": "黔江府办发〔2017〕53号",
    "cadence": "monthly",
    "starts_on": "2026-06-01",
}


def supervisor(service: ServiceUnderTest, agency: UUID = BUREAU) -> dict[str, str]:
    return service.staff(Role.SUPERVISOR, agency)


async def enter(service: ServiceUnderTest, **changed: Any) -> httpx.Response:
    return await service.client.post("/obligations", json=MONTHLY | changed, headers=supervisor(service) | new_key())


async def instances(service: ServiceUnderTest, **params: Any) -> list[dict[str, Any]]:
    answer = await service.client.get("/obligation-instances", params=params, headers=supervisor(service))
    found: list[dict[str, Any]] = ok(answer)["items"]
    return found


async def test_a_monthly_obligation_is_dated_up_to_the_horizon_and_rolls_on(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    obligation = ok(await enter(catalog), 201)

    assert obligation["dated"] is True
    dues = [item["due_on"] for item in await instances(catalog)]
    assert dues == ["2026-06-30", "2026-07-31", "2026-08-31", "2026-09-30"]
    await catalog.shift_clock(timedelta(days=1))
    assert "obligation_rollover" in await catalog.fire_due_timers()
    assert len(await instances(catalog)) == 4
    await move_to(catalog, date(2026, 7, 2))
    await catalog.fire_due_timers()
    assert [item["due_on"] for item in await instances(catalog)][-1] == "2026-10-31"


async def test_generating_twice_at_once_adds_nothing(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    obligation = ok(await enter(catalog), 201)

    async def again() -> None:
        async with catalog.write() as uow:
            row = await uow.session.get_one(Obligation, UUID(obligation["id"]))
            row.generated_through = None
            assert await generate(uow, row, catalog.deps.settings.ahead) == []

    await asyncio.gather(again(), again())
    assert len(await instances(catalog)) == 4


async def test_due_soon_and_overdue_are_told_once_and_counted(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    ok(await enter(catalog), 201)

    await move_to(catalog, date(2026, 6, 26))
    assert "obligation_due_soon" in await catalog.fire_due_timers()
    (soon,) = await catalog.emitted(ObligationDueSoon)
    assert soon.data.due_on == date(2026, 6, 30)
    await move_to(catalog, date(2026, 7, 1))
    assert "obligation_overdue" in await catalog.fire_due_timers()
    (overdue,) = await catalog.emitted(ObligationOverdue)
    assert overdue.data.agency_name == "青山县应急管理局"
    assert (await catalog.gauges())["obligations_overdue"] == 1
    assert [item["due_on"] for item in await instances(catalog, state="overdue")] == ["2026-06-30"]


async def test_a_published_document_fulfils_and_its_withdrawal_reopens(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    ok(await enter(catalog), 201)
    (instance, *_) = await instances(catalog)
    path = f"/obligation-instances/{instance['id']}/fulfilment"
    unpublished = await signed(catalog, document_number=None)
    document = await published(catalog)
    post = catalog.client.post

    early = await post(path, json={"document_id": unpublished["id"]}, headers=clerk(catalog) | match(instance))
    refused(early, 409, "evidence_not_public")
    lost = await post(path, json={"document_id": str(uuid4())}, headers=clerk(catalog) | match(instance))
    refused(lost, 404, "not_found")
    done = ok(await post(path, json={"document_id": document["id"]}, headers=clerk(catalog) | match(instance)))
    assert (done["state"], done["late"]) == ("fulfilled", False)
    assert await catalog.open_timers(UUID(instance["id"])) == {}
    (event,) = await catalog.emitted(ObligationFulfilled)
    assert str(event.data.document_id) == document["id"]
    twice = await post(path, json={"document_id": document["id"]}, headers=clerk(catalog) | match(done))
    refused(twice, 409, "instance_already_fulfilled")

    ok(await act(catalog, document, "withdrawal", approver(catalog), {"reason": "数据有误。"}))
    reopened = ok(await catalog.client.get(f"/obligation-instances/{instance['id']}", headers=clerk(catalog)))
    assert (reopened["state"], reopened["document_id"]) == ("open", None)
    assert "obligation_overdue" in await catalog.open_timers(UUID(instance["id"]))


async def test_what_reopens_on_a_provisional_day_is_not_judged(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 12, 10))
    obligation = ok(await enter(catalog, cadence="triggered", key="G237", starts_on="2026-12-01"), 201)
    headers = clerk(catalog) | match(obligation) | new_key()
    path = f"/obligations/{obligation['id']}/events"
    instance = ok(await catalog.client.post(path, json={"happened_on": "2026-12-10"}, headers=headers), 201)
    document = await published(catalog)
    url = f"/obligation-instances/{instance['id']}"
    linked = {"document_id": document["id"]}
    ok(await catalog.client.post(f"{url}/fulfilment", json=linked, headers=clerk(catalog) | match(instance)))

    await move_to(catalog, date(2027, 3, 1))
    ok(await act(catalog, document, "withdrawal", approver(catalog), {"reason": "数据有误。"}))
    await catalog.fire_due_timers()
    reopened = ok(await catalog.client.get(url, headers=clerk(catalog)))
    assert (reopened["state"], reopened["due_provisional"]) == ("open", True)


async def test_evidence_older_than_the_period_does_not_count(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    document = await published(catalog)
    ok(await enter(catalog), 201)
    later = (await instances(catalog))[2]
    answer = await catalog.client.post(
        f"/obligation-instances/{later['id']}/fulfilment",
        json={"document_id": document["id"]},
        headers=clerk(catalog) | match(later),
    )
    refused(answer, 409, "evidence_too_old")


async def test_an_unscheduled_obligation_is_dated_by_the_agencys_own_interval(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    obligation = ok(await enter(catalog, cadence="unscheduled", key="G201"), 201)
    assert obligation["dated"] is False
    assert await instances(catalog) == []
    path = f"/obligations/{obligation['id']}/interval"
    put = catalog.client.put

    obligation = ok(await put(path, json={"interval_days": 30}, headers=approver(catalog) | match(obligation)))
    assert [item["due_on"] for item in await instances(catalog)][:2] == ["2026-07-09", "2026-08-08"]
    obligation = ok(await put(path, json={"interval_days": 60}, headers=approver(catalog) | match(obligation)))
    assert [item["due_on"] for item in await instances(catalog)][:1] == ["2026-08-08"]
    obligation = ok(await put(path, json={"interval_days": None}, headers=approver(catalog) | match(obligation)))
    assert await instances(catalog) == []
    assert await catalog.open_timers(UUID(obligation["id"])) == {}
    monthly = ok(await enter(catalog), 201)
    not_its_own = await put(
        f"/obligations/{monthly['id']}/interval", json={"interval_days": 9}, headers=approver(catalog) | match(monthly)
    )
    refused(not_its_own, 409, "interval_not_allowed")
    refused(await put(path, json={"interval_days": 30}, headers=clerk(catalog) | match(obligation)), 403, "forbidden")
    refused(await put(path, json={"interval_days": 30}, headers=approver(catalog)), 428, "if_match_missing")
    stale = approver(catalog) | {"If-Match": '"1"'}
    refused(await put(path, json={"interval_days": 30}, headers=stale), 412, "version_mismatch")


async def test_an_event_starts_the_sources_limit_or_the_regulations(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 9, 1))
    own = ok(await enter(catalog, cadence="triggered", key="G33", limit_number=60, limit_unit="working_day"), 201)
    general = ok(await enter(catalog, cadence="triggered", key="G237"), 201)

    async def happened(obligation: dict[str, Any], day: str) -> httpx.Response:
        headers = clerk(catalog) | match(obligation) | new_key()
        path = f"/obligations/{obligation['id']}/events"
        return await catalog.client.post(path, json={"happened_on": day}, headers=headers)

    assert ok(await happened(own, "2026-02-10"), 201)["due_on"] == "2026-05-14"
    dated = ok(await happened(general, "2026-08-31"), 201)
    assert dated["due_on"] == "2026-09-28"
    assert "第二十六条" in dated["citation"]
    refused(await happened(own, "2026-08-01"), 412, "version_mismatch")
    moved_on = ok(await catalog.client.get(f"/obligations/{own['id']}", headers=clerk(catalog)))
    refused(await happened(moved_on, "2026-12-01"), 422, "event_in_future")
    monthly = ok(await enter(catalog), 201)
    refused(await happened(monthly, "2026-08-01"), 409, "obligation_not_triggered")
    again = ok(await catalog.client.get(f"/obligations/{own['id']}", headers=clerk(catalog)))
    refused(await happened(again, "2026-02-10"), 409, "event_already_recorded")
    assert "obligation_overdue" in await catalog.fire_due_timers()


async def test_a_notice_redates_what_an_event_started(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 12, 10))
    obligation = ok(await enter(catalog, cadence="triggered", key="G237", starts_on="2026-12-01"), 201)
    headers = clerk(catalog) | match(obligation) | new_key()
    path = f"/obligations/{obligation['id']}/events"
    instance = ok(await catalog.client.post(path, json={"happened_on": "2026-12-10"}, headers=headers), 201)
    assert instance["due_provisional"] is True
    assert "obligation_overdue" not in await catalog.open_timers(UUID(instance["id"]))

    ok(await publish(catalog), 201)
    await catalog.fire_due_timers()

    dated = ok(await catalog.client.get(f"/obligation-instances/{instance['id']}", headers=clerk(catalog)))
    assert (dated["due_on"], dated["due_provisional"]) == ("2027-01-08", False)
    assert "obligation_overdue" in await catalog.open_timers(UUID(instance["id"]))
    (told,) = [envelope.data for envelope in await catalog.emitted(ObligationRedated)]
    assert isinstance(told, ObligationRedated)
    assert (str(told.due_on_before), str(told.due_on), told.provisional) == (instance["due_on"], "2027-01-08", False)


async def test_what_cannot_be_entered_and_by_whom(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    for wrong in (
        {"cadence": "days"},
        {"cadence": "once"},
    ):
        refused(await enter(catalog, **wrong), 422, "cadence_incomplete")
    for wrong in (
        {"season_from": "06-01"},
        {"limit_number": 5},
        {"limit_number": 5, "limit_unit": "hour"},
        {"due_by": "02-30"},
        {"key": "有 空格"},
        {"due_on": "2026-06-30"},
    ):
        refused(await enter(catalog, **wrong), 422, "validation_failed")
    refused(await enter(catalog, agency_id=str(uuid4())), 404, "not_found")
    refused(await enter(catalog, agency_id=str(OTHER_COUNTY)), 403, "forbidden")
    ok(await enter(catalog), 201)
    refused(await enter(catalog), 409, "obligation_key_taken")
    post = catalog.client.post
    refused(await post("/obligations", json=MONTHLY, headers=clerk(catalog) | new_key()), 403, "forbidden")
    refused(await post("/obligations", json=MONTHLY, headers=supervisor(catalog)), 400, "idempotency_key_missing")


async def test_lists_show_the_callers_agencies_only(catalog: ServiceUnderTest) -> None:
    await move_to(catalog, date(2026, 6, 10))
    obligation = ok(await enter(catalog), 201)
    get = catalog.client.get

    assert ok(await get("/obligations", headers=clerk(catalog, OTHER_COUNTY)))["items"] == []
    assert ok(await get("/obligation-instances", headers=clerk(catalog, OTHER_COUNTY)))["items"] == []
    listed = ok(await get("/obligations", params={"cadence": "monthly"}, headers=clerk(catalog, COUNTY)))
    assert [item["id"] for item in listed["items"]] == [obligation["id"]]
    refused(await get(f"/obligations/{obligation['id']}", headers=clerk(catalog, OTHER_COUNTY)), 403, "forbidden")
    (first, *_) = await instances(catalog, obligation_id=obligation["id"], due_to="2026-07-01")
    refused(await get(f"/obligation-instances/{first['id']}", headers=clerk(catalog, OTHER_COUNTY)), 403, "forbidden")
    refused(await get(f"/obligations/{uuid4()}", headers=clerk(catalog)), 404, "not_found")
    refused(await get(f"/obligation-instances/{uuid4()}", headers=clerk(catalog)), 404, "not_found")
    refused(await get("/obligations"), 401, "unauthenticated")
    paged = ok(await get("/obligation-instances", params={"limit": 3}, headers=clerk(catalog)))
    rest = {"limit": 3, "cursor": paged["next_cursor"]}
    assert len(ok(await get("/obligation-instances", params=rest, headers=clerk(catalog)))["items"]) == 1
