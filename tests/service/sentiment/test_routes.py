"""Every route of the sentiment service, and the failures a client can cause."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from shared.auth import Role
from shared.db.ids import uuid7
from shared.events.sentiment import IncidentClosed, IncidentRegistered
from tests.kit.apps import BUREAU, COUNTY, OTHER_COUNTY, ServiceUnderTest, new_key
from tests.service.sentiment.desk import act, body, clock, get, register, respond

HOUR = timedelta(hours=1)
RECLASSIFY = {"level": "serious", "reason": "核定。"}
CLOSE = {"outcome": "unfounded", "note": "误报。"}
RESPOND = {"kind": "release", "responded_at": "2026-01-01T00:00:00+08:00", "outlet": "门户网站", "summary": "通报。"}
ACTIONS: list[tuple[str, dict[str, Any], Role]] = [
    ("reclassification", RECLASSIFY, Role.REVIEWER),
    ("closing", CLOSE, Role.REVIEWER),
    ("responses", RESPOND, Role.CLERK),
]


async def post(
    service: ServiceUnderTest, reported: dict[str, Any], role: Role = Role.CLERK, agency: UUID = BUREAU
) -> tuple[int, dict[str, Any]]:
    response = await service.client.post("/incidents", json=reported, headers=service.staff(role, agency) | new_key())
    return response.status_code, response.json()


async def test_registering_answers_201_with_location_and_etag(sentiment: ServiceUnderTest) -> None:
    response = await sentiment.client.post(
        "/incidents", json=await body(sentiment), headers=sentiment.staff(Role.CLERK) | new_key()
    )
    assert response.status_code == 201
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == f"/api/sentiment/v1/incidents/{response.json()['id']}"
    assert response.json()["level_label"] == "特别重大突发事件"
    assert response.json()["agency_name"] == "青山县应急管理局"


async def test_a_replayed_key_gives_the_same_bytes_and_one_incident(sentiment: ServiceUnderTest) -> None:
    headers = sentiment.staff(Role.CLERK) | new_key()
    reported = await body(sentiment)
    first, second = [await sentiment.client.post("/incidents", json=reported, headers=headers) for _ in range(2)]
    assert (second.status_code, second.content) == (201, first.content)
    assert len(await sentiment.emitted(IncidentRegistered)) == 1
    other = await sentiment.client.post("/incidents", json=reported | {"title": "另一件"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


async def test_registering_without_a_key_is_400(sentiment: ServiceUnderTest) -> None:
    response = await sentiment.client.post(
        "/incidents", json=await body(sentiment), headers=sentiment.staff(Role.CLERK)
    )
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"level": "urgent"}, "validation_failed"),
        ({"title": "  "}, "validation_failed"),
        ({"title": "火\u0000灾"}, "validation_failed"),
        ({"due_at": "2026-11-22T00:00:00+08:00"}, "validation_failed"),
        ({"detected_at": "2026-11-22T00:00:00"}, "validation_failed"),
        ({"detected_at": "0001-01-01T00:00:00+14:00", "occurred_at": None}, "validation_failed"),
        ({"detected_at": "2199-01-01T00:00:00+08:00"}, "time_in_future"),
        ({"detected_at": "2020-01-01T00:00:00+08:00"}, "times_out_of_order"),
        ({"occurred_at": None}, "start_unknown"),
        ({"occurred_at": "2015-01-01T00:00:00+08:00"}, "no_rule_in_force"),
    ],
)
async def test_what_cannot_be_registered_is_422(
    sentiment: ServiceUnderTest, changes: dict[str, Any], code: str
) -> None:
    status, problem = await post(sentiment, await body(sentiment) | changes)
    assert (status, problem["code"]) == (422, code)
    assert await sentiment.emitted() == []


async def test_who_may_register(sentiment: ServiceUnderTest) -> None:
    reported = await body(sentiment)
    anonymous = await sentiment.client.post("/incidents", json=reported, headers=new_key())
    assert anonymous.status_code == 401
    for role, agency in ((Role.ADMIN, BUREAU), (Role.SUPERVISOR, BUREAU), (Role.CLERK, OTHER_COUNTY)):
        status, problem = await post(sentiment, reported, role, agency)
        assert (status, problem["code"]) == (403, "forbidden")
    status, _ = await post(sentiment, reported, Role.CLERK, COUNTY)  # the county's clerk covers its bureaus
    assert status == 201


async def test_an_agency_not_replicated_yet_is_503(sentiment: ServiceUnderTest) -> None:
    status, problem = await post(sentiment, await body(sentiment, agency_id=str(uuid7())))
    assert (status, problem["code"]) == (503, "replica_not_ready")


@pytest.mark.parametrize(("action", "sent", "role"), ACTIONS)
async def test_actions_guard_their_incident(
    sentiment: ServiceUnderTest, action: str, sent: dict[str, Any], role: Role
) -> None:
    incident = await register(sentiment, hours_ago=1)
    url = f"/incidents/{incident['id']}/{action}"
    unconditional = await sentiment.client.post(url, json=sent, headers=sentiment.staff(role))
    assert (unconditional.status_code, unconditional.json()["code"]) == (428, "if_match_missing")
    stale = await act(sentiment, incident, action, sent, role=role, version=7)
    assert (stale.status_code, stale.json()["code"]) == (412, "version_mismatch")
    foreign = await act(sentiment, incident, action, sent, role=role, agency=OTHER_COUNTY)
    assert (foreign.status_code, foreign.json()["code"]) == (403, "forbidden")
    nobody = await sentiment.client.post(url, json=sent, headers={"If-Match": '"1"'})
    assert nobody.status_code == 401
    absent = await act(sentiment, {"id": str(uuid7())}, action, sent, role=role, version=1)
    assert (absent.status_code, absent.json()["code"]) == (404, "not_found")
    malformed = await act(sentiment, {"id": "one"}, action, sent, role=role, version=1)
    assert malformed.status_code == 404
    extra = await act(sentiment, incident, action, sent | {"due_at": "x"}, role=role)
    assert (extra.status_code, extra.json()["code"]) == (422, "validation_failed")
    assert (await get(sentiment, incident["id"]))["version"] == 1


async def test_a_clerk_neither_reclassifies_nor_calls_unfounded(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment)
    for action, sent in (("reclassification", RECLASSIFY), ("closing", CLOSE)):
        refused = await act(sentiment, incident, action, sent, role=Role.CLERK)
        assert refused.status_code == 403


async def test_conflicts_of_responses(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=4)
    now = await sentiment.now()
    expected = [
        ("continued", -HOUR, 409, "nothing_released_yet"),
        ("response", -HOUR, 409, "step_not_asked"),
        ("release", -5 * HOUR, 422, "response_before_start"),
        ("release", HOUR, 422, "time_in_future"),
        ("release", -HOUR, 200, None),
        ("release", -HOUR, 409, "step_already_done"),
    ]
    for kind, moment, status, code in expected:
        answer = await respond(sentiment, incident, kind, now + moment)
        assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_closing_needs_every_step_and_then_nothing_changes(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=4)
    handled = {"outcome": "handled", "note": "舆情平稳。"}
    early = await act(sentiment, incident, "closing", handled)
    assert (early.status_code, early.json()["code"]) == (409, "steps_outstanding")
    assert early.json()["missing"] == ["发布权威信息", "举行新闻发布会"]
    for kind in ("release", "press"):
        await respond(sentiment, incident, kind, await sentiment.now() - HOUR)
    closed = await act(sentiment, incident, "closing", handled)
    assert closed.status_code == 200, closed.text
    assert (closed.json()["state"], closed.json()["outcome"]) == ("closed", "handled")
    assert len(await sentiment.emitted(IncidentClosed)) == 1
    for action, sent, role in ACTIONS:
        refused = await act(sentiment, incident, action, sent, role=role)
        assert (refused.status_code, refused.json()["code"]) == (409, "incident_closed")


async def test_the_same_level_is_a_conflict(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment)
    same = {"level": "extremely_serious", "reason": "核定。"}
    refused = await act(sentiment, incident, "reclassification", same, role=Role.REVIEWER)
    assert (refused.status_code, refused.json()["code"]) == (409, "level_unchanged")


async def test_an_emergency_cannot_start_at_an_unknown_moment(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, level="not_emergency", occurred_at=None)
    refused = await act(sentiment, incident, "reclassification", RECLASSIFY, role=Role.REVIEWER)
    assert (refused.status_code, refused.json()["code"]) == (422, "start_unknown")


async def test_two_at_once_change_an_incident_once(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment)
    answers = await asyncio.gather(
        *(act(sentiment, incident, "closing", CLOSE, role=Role.APPROVER, version=1) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412]


async def test_reading_one(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment)
    url = f"/incidents/{incident['id']}"
    read = await sentiment.client.get(url, headers=sentiment.staff(Role.SUPERVISOR, COUNTY))
    assert (read.status_code, read.headers["ETag"]) == (200, '"1"')
    assert clock(read.json(), "release")["unconfirmed"] is False
    for path in (url, f"{url}/timeline"):
        assert (await sentiment.client.get(path)).status_code == 401
        foreign = await sentiment.client.get(path, headers=sentiment.staff(Role.CLERK, OTHER_COUNTY))
        assert foreign.status_code == 403
    for path in (f"/incidents/{uuid7()}", f"/incidents/{uuid7()}/timeline", "/incidents/none"):
        absent = await sentiment.client.get(path, headers=sentiment.staff(Role.CLERK))
        assert (absent.status_code, absent.json()["code"]) == (404, "not_found")


async def test_the_timeline_says_who_did_what(sentiment: ServiceUnderTest) -> None:
    incident = await register(sentiment, hours_ago=6)
    await sentiment.fire_due_timers()
    url = f"/incidents/{incident['id']}/timeline"
    shown = (await sentiment.client.get(url, headers=sentiment.staff(Role.CLERK))).json()["items"]
    assert [(e["action"], e["actor_name"]) for e in shown] == [
        ("incident.registered", "经办甲"),
        ("incident.escalated", "系统（sentiment）"),
    ]
    assert "80号" in shown[1]["details"]["citation"]


async def test_lists_are_filtered_paged_and_limited_to_the_callers_agencies(sentiment: ServiceUnderTest) -> None:
    made = [await register(sentiment, level=level) for level in ("serious", "general", "general")]
    late = await register(sentiment, hours_ago=9)
    await act(sentiment, made[2], "closing", CLOSE, role=Role.REVIEWER)

    async def ids(role: Role = Role.CLERK, agency: UUID = BUREAU, **params: Any) -> list[str]:
        listed = await sentiment.client.get("/incidents", params=params, headers=sentiment.staff(role, agency))
        assert listed.status_code == 200, listed.text
        return [item["id"] for item in listed.json()["items"]]

    newest_first = [late["id"], *(incident["id"] for incident in reversed(made))]
    assert await ids() == newest_first
    assert await ids(Role.SUPERVISOR, COUNTY) == newest_first
    assert await ids(Role.CLERK, OTHER_COUNTY) == []
    assert await ids(Role.ADMIN) == []
    assert await ids(level="general") == [made[2]["id"], made[1]["id"]]
    assert await ids(state="closed") == [made[2]["id"]]
    assert await ids(overdue=True) == [late["id"]]
    assert await ids(agency_id=str(COUNTY)) == []
    first = await sentiment.client.get("/incidents", params={"limit": 3}, headers=sentiment.staff(Role.CLERK))
    following = first.headers["Link"].split(";")[0].strip("<>")
    second = await sentiment.client.get(f"http://service.test{following}", headers=sentiment.staff(Role.CLERK))
    assert [item["id"] for item in first.json()["items"] + second.json()["items"]] == newest_first
    assert second.json()["next_cursor"] is None
    assert (await sentiment.client.get("/incidents")).status_code == 401
    for wrong in ({"cursor": "bm9uc2Vuc2U"}, {"limit": 0}, {"level": "urgent"}):
        refused = await sentiment.client.get("/incidents", params=wrong, headers=sentiment.staff(Role.CLERK))
        assert refused.status_code == 400


async def test_a_page_costs_the_same_statements_however_long(sentiment: ServiceUnderTest) -> None:
    async def statements() -> int:
        count = 0

        def counted(*_: Any) -> None:
            nonlocal count
            count += 1

        event.listen(sentiment.deps.db.engine.sync_engine, "before_cursor_execute", counted)
        await sentiment.client.get("/incidents", headers=sentiment.staff(Role.CLERK))
        event.remove(sentiment.deps.db.engine.sync_engine, "before_cursor_execute", counted)
        return count

    await register(sentiment)
    few = await statements()
    for _ in range(5):
        await register(sentiment)
    assert await statements() == few


async def test_gauges_count_open_incidents_and_overdue_steps(sentiment: ServiceUnderTest) -> None:
    await register(sentiment, hours_ago=1)
    await register(sentiment, hours_ago=30)
    unfounded = await register(sentiment, hours_ago=30)
    await act(sentiment, unfounded, "closing", CLOSE, role=Role.REVIEWER)
    assert await sentiment.gauges() == {"incidents_open": 2, "incident_steps_overdue": 2}


async def test_the_service_is_ready_and_documented(sentiment: ServiceUnderTest) -> None:
    ready = await sentiment.client.get("http://service.test/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    document = (await sentiment.client.get("http://service.test/api/sentiment/openapi.json")).json()
    assert document["paths"]["/api/sentiment/v1/incidents"]["post"]["security"] == [{"bearer": []}]
